/*
 * What --version prints: this program's version and those of the libraries it runs with.
 */
#ifndef JOBS_VERSION_H
#define JOBS_VERSION_H

#include <stdio.h>

void version_print(FILE *out);

#endif
