/*
 * libcurl, loaded when the first request is made ready: it brings thirty other libraries with it.
 * Its functions are called by their own names: behind this header these stand for the members of `libcurl`, which libcurl_open
 * has to fill first.
 */
#ifndef BASE_HTTP_CURL_LIBRARY_H
#define BASE_HTTP_CURL_LIBRARY_H

/* The checks of arguments are macros, which would stand in the way. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/library.h"

#define LIBCURL_FUNCTIONS(X)                                                                       \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_free)                                                                                   \
    X(curl_global_cleanup)                                                                         \
    X(curl_global_init)                                                                            \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_cleanup)                                                                            \
    X(curl_url_get)                                                                                \
    X(curl_url_set)

struct libcurl {
#define MEMBER(name) __typeof__(&(name)) name##_;
    LIBCURL_FUNCTIONS(MEMBER)
#undef MEMBER
};

extern struct libcurl libcurl;

/* ERR_FAILED: the library is missing. */
enum err_code libcurl_open(struct err *err);

#define curl_easy_cleanup libcurl.curl_easy_cleanup_
#undef curl_easy_getinfo
#define curl_easy_getinfo libcurl.curl_easy_getinfo_
#define curl_easy_init libcurl.curl_easy_init_
#define curl_easy_perform libcurl.curl_easy_perform_
#define curl_easy_reset libcurl.curl_easy_reset_
#undef curl_easy_setopt
#define curl_easy_setopt libcurl.curl_easy_setopt_
#define curl_easy_strerror libcurl.curl_easy_strerror_
#define curl_free libcurl.curl_free_
#define curl_global_cleanup libcurl.curl_global_cleanup_
#define curl_global_init libcurl.curl_global_init_
#define curl_slist_append libcurl.curl_slist_append_
#define curl_slist_free_all libcurl.curl_slist_free_all_
#define curl_url libcurl.curl_url_
#define curl_url_cleanup libcurl.curl_url_cleanup_
#define curl_url_get libcurl.curl_url_get_
#define curl_url_set libcurl.curl_url_set_

#endif
