#include "jobs/version.h"

#include <curl/curlver.h>
#include <jansson.h>
#include <nettle/version.h>
#include <sodium.h>
#include <sqlite3.h>
#include <yaml.h>
#include <zlib.h>

/* Versions of the libraries as loaded, not as compiled against: that is what a bug report needs. librdkafka, avro-c,
 * libcurl and libpq would have to be loaded for it: of these the build tells. */
void version_print(FILE *out)
{
    (void)fprintf(out, "uptally %s\n", UPTALLY_VERSION);
    (void)fprintf(out, "librdkafka %s, avro-c %s, libcurl %s, SQLite %s, libpq %s\n",
                  RDKAFKA_VERSION, AVRO_C_VERSION, LIBCURL_VERSION, sqlite3_libversion(),
                  LIBPQ_VERSION);
    (void)fprintf(out, "libyaml %s, jansson %s, zlib %s, libsodium %s, Nettle %d.%d\n",
                  yaml_get_version_string(), jansson_version_str(), zlibVersion(),
                  sodium_version_string(), nettle_version_major(), nettle_version_minor());
}
