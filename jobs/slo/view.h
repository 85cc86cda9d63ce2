/*
 * Objectives for people at a terminal: a bar of the budget, a sign for each day, the alerts, how long it lasts. At most 80 columns.
 *
 * Percents are rounded down and burn rates up, so that nothing looks better than it is.
 */
#ifndef JOBS_SLO_VIEW_H
#define JOBS_SLO_VIEW_H

#include <stdio.h>

#include "jobs/slo/budget.h"

struct slo_view {
    FILE *out;
    bool color;
    bool unicode; /* else it is drawn in ASCII */
    size_t name_columns;
    struct arena *scratch;
};

enum { SLO_NAME_COLUMNS_MAX = 40 };

void slo_view_print(const struct slo_view *view, const struct slo *slo,
                    const struct slo_result *result);
/* What the signs of the days mean. */
void slo_view_legend(const struct slo_view *view);

#endif
