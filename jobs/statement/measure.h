/*
 * What the methods share: from judged time to a measure.
 *
 * A method says of raw time, as far as its data go, what it is worth. Validity, service hours, the period and announced maintenance are then laid
 * over it here, the same way for every method. Segments are sorted, without gaps, and neighbours differ.
 */
#ifndef JOBS_STATEMENT_MEASURE_H
#define JOBS_STATEMENT_MEASURE_H

#include "jobs/statement/method.h"

/* What time in that state is worth by the contract: its weight for a known grade, its rule for an unknown one. Borders are left at 0. */
struct segment measure_segment_of(const struct availability *availability, enum grade grade);

/* Appends and merges with an equal neighbour. The array has room; nothing happens if it is empty. */
void measure_push(struct measure *measure, struct segment segment);

/* Cuts raw segments, which cover [valid_from_s, valid_to_s) and perhaps more, to the period: what is not valid is deemed up, what is outside service hours is
 * excluded, and in covered stretches what would count as lost becomes maintenance. Fills segments and seconds. cover: input->cover, or its whole minutes. */
void measure_lay(const struct measure_input *input, const struct cover *cover,
                 const struct segment *raw, size_t raw_count, struct arena *arena,
                 struct measure *ret_measure);

/* The same for methods whose fraction is of requests: time is booked as the grades have it, so that the period adds up and can be drawn. An outage that was announced
 * becomes maintenance also in minutes without a request: a reader would ask why half of it is one and half the other. timeline: of the service, as far as the
 * contract is valid, or further. excused: whole minutes of input->cover. lossy: minutes that lost something. */
void measure_lay_counts(const struct measure_input *input, const struct timeline *timeline,
                        const struct cover *excused, const struct cover *lossy, struct arena *arena,
                        struct measure *ret_measure);

/* The whole UTC minutes of the cover. */
struct cover cover_whole_minutes(const struct cover *cover, struct arena *arena);

/* What time of this segment loses of itself, or a slice that begins in it: 0 to 1. Nothing if it is excluded. */
struct rational segment_loss(const struct segment *segment);
/* Of the segments. */
void measure_sum_seconds(struct measure *measure);
/* good and valid: of all time that is not excluded, in seconds; or of slices from from_s on, each worth the share of its first measured moment. */
void measure_sum_time(struct measure *measure, struct arena *arena);
void measure_sum_slices(struct measure *measure, int64_t from_s, int64_t to_s, int64_t slice_s,
                        struct arena *arena);
/* good / valid; false if nothing was measured. */
bool measure_uptime(const struct measure *measure, struct arena *arena,
                    struct fraction *ret_uptime);

#endif
