/*
 * libpq, loaded when the first store on PostgreSQL is opened: it brings twenty other libraries with it.
 * Its functions are called by their own names: behind this header these stand for the members of `libpq`, which libpq_open
 * has to fill first.
 */
#ifndef BASE_DB_POSTGRES_LIBRARY_H
#define BASE_DB_POSTGRES_LIBRARY_H

#include <libpq-fe.h>

#include "base/library.h"

#define LIBPQ_FUNCTIONS(X)                                                                         \
    X(PQclear)                                                                                     \
    X(PQcmdStatus)                                                                                 \
    X(PQcmdTuples)                                                                                 \
    X(PQconnectdbParams)                                                                           \
    X(PQenterPipelineMode)                                                                         \
    X(PQerrorMessage)                                                                              \
    X(PQexec)                                                                                      \
    X(PQexecParams)                                                                                \
    X(PQexitPipelineMode)                                                                          \
    X(PQfinish)                                                                                    \
    X(PQftype)                                                                                     \
    X(PQgetResult)                                                                                 \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQnfields)                                                                                   \
    X(PQparameterStatus)                                                                           \
    X(PQpipelineStatus)                                                                            \
    X(PQpipelineSync)                                                                              \
    X(PQprepare)                                                                                   \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsendQueryPrepared)                                                                         \
    X(PQserverVersion)                                                                             \
    X(PQsetNoticeReceiver)                                                                         \
    X(PQsetSingleRowMode)                                                                          \
    X(PQstatus)                                                                                    \
    X(PQtransactionStatus)

struct libpq {
#define MEMBER(name) __typeof__(&(name)) name##_;
    LIBPQ_FUNCTIONS(MEMBER)
#undef MEMBER
};

extern struct libpq libpq;

/* ERR_FAILED: the library is missing. */
enum err_code libpq_open(struct err *err);

#define PQclear libpq.PQclear_
#define PQcmdStatus libpq.PQcmdStatus_
#define PQcmdTuples libpq.PQcmdTuples_
#define PQconnectdbParams libpq.PQconnectdbParams_
#define PQenterPipelineMode libpq.PQenterPipelineMode_
#define PQerrorMessage libpq.PQerrorMessage_
#define PQexec libpq.PQexec_
#define PQexecParams libpq.PQexecParams_
#define PQexitPipelineMode libpq.PQexitPipelineMode_
#define PQfinish libpq.PQfinish_
#define PQftype libpq.PQftype_
#define PQgetResult libpq.PQgetResult_
#define PQgetisnull libpq.PQgetisnull_
#define PQgetlength libpq.PQgetlength_
#define PQgetvalue libpq.PQgetvalue_
#define PQnfields libpq.PQnfields_
#define PQparameterStatus libpq.PQparameterStatus_
#define PQpipelineStatus libpq.PQpipelineStatus_
#define PQpipelineSync libpq.PQpipelineSync_
#define PQprepare libpq.PQprepare_
#define PQresultErrorField libpq.PQresultErrorField_
#define PQresultStatus libpq.PQresultStatus_
#define PQsendQueryPrepared libpq.PQsendQueryPrepared_
#define PQserverVersion libpq.PQserverVersion_
#define PQsetNoticeReceiver libpq.PQsetNoticeReceiver_
#define PQsetSingleRowMode libpq.PQsetSingleRowMode_
#define PQstatus libpq.PQstatus_
#define PQtransactionStatus libpq.PQtransactionStatus_

#endif
