#include "jobs/evaluate/terms.h"

#include "jobs/statement/period.h"

static enum err_code check_range(const struct terms_request *request, struct err *err)
{
    const struct civil first = {.year = TERMS_YEAR_MIN, .month = 1, .day = 2};
    const struct civil last = {.year = TERMS_YEAR_MAX, .month = 12, .day = 31};

    if (request->interval && request->to_s <= request->from_s) {
        return err_set(err, ERR_USAGE, "--to is not after --from");
    }
    if (request->interval
            ? request->from_s < civil_to_seconds(&first) || request->to_s > civil_to_seconds(&last)
            : request->year < TERMS_YEAR_MIN || request->year > TERMS_YEAR_MAX) {
        return err_set(err, ERR_USAGE, "%s: periods are within the years %d to %d",
                       request->interval ? "--from, --to" : "--month", TERMS_YEAR_MIN,
                       TERMS_YEAR_MAX);
    }
    return ERR_OK;
}

static enum err_code choose_by_time(const struct config *config,
                                    const struct terms_request *request, struct arena *scratch,
                                    struct terms *ret_terms, struct err *err)
{
    struct period whole;

    if (period_terms_between(config, request->contract, request->from_s, request->to_s,
                             &ret_terms->contract, err) != ERR_OK) {
        return err->code;
    }
    period_at(ret_terms->contract, request->from_s, scratch, &whole);
    ret_terms->from_s = request->from_s;
    ret_terms->to_s = request->to_s;
    ret_terms->whole_from_s = whole.from_s;
    ret_terms->whole_to_s = whole.to_s;
    return ERR_OK;
}

static enum err_code choose_by_month(const struct config *config,
                                     const struct terms_request *request, struct arena *scratch,
                                     struct terms *ret_terms, struct err *err)
{
    struct period period;

    if (period_terms(config, request->contract, request->year, request->month, scratch,
                     &ret_terms->contract, &period, err) != ERR_OK) {
        return err->code;
    }
    ret_terms->from_s = ret_terms->whole_from_s = period.from_s;
    ret_terms->to_s = ret_terms->whole_to_s = period.to_s;
    return ERR_OK;
}

enum err_code terms_choose(const struct config *config, const struct terms_request *request,
                           struct terms *ret_terms, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct terms terms = {0};
    enum err_code code = check_range(request, err);

    if (code == ERR_OK && config->contract_count == 0) {
        code = err_set(err, ERR_CONFIG, "%s: there are no contracts", config->path.data);
    }
    if (code == ERR_OK) {
        code = request->interval ? choose_by_time(config, request, &scratch, &terms, err)
                                 : choose_by_month(config, request, &scratch, &terms, err);
    }
    if (code == ERR_OK) {
        *ret_terms = terms;
    }
    arena_release(&scratch);
    return code;
}
