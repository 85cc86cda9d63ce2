/* The days of a service as bars, and in words. Colours are those of the HTML page; patterns differ in form, so that grey copies tell them apart. */
#include <string.h>

#include "base/check.h"
#include "jobs/statement/bars.h"
#include "jobs/statement/render_pdf.h"

enum pattern { PLAIN, DOTS, RISING, CROSSED, LEVEL, UPRIGHT, FALLING, TWICE_LEVEL };

static const struct {
    unsigned paper, ink;
    enum pattern pattern;
} looks[TIME_CLASS_COUNT] = {
    [TIME_UP] = {0x009e73, 0x009e73, PLAIN},
    [TIME_DEGRADED] = {0xe69f00, 0x5c3f00, DOTS},
    [TIME_PARTIAL] = {0xd55e00, 0xffd9bd, RISING},
    [TIME_MAJOR] = {0x882255, 0xf3c9dd, CROSSED},
    [TIME_MAINTENANCE] = {0x0072b2, 0xbfe0f5, LEVEL},
    [TIME_NO_TRAFFIC] = {0xe3e6ea, 0x8d96a1, UPRIGHT},
    [TIME_PROBE_DOWN] = {0xd5d9df, 0x6d7681, RISING},
    [TIME_PIPELINE_GAP] = {0xc3c9d1, 0x59626d, FALLING},
    [TIME_NOT_PROVISIONED] = {0xf2f3f5, 0x9aa2ac, TWICE_LEVEL},
    [TIME_OUTSIDE_HOURS] = {0xffffff, 0xb9c0c8, DOTS},
};

enum {
    STEP = PDF_POINTS(3),
    BAR_AREA = PDF_POINTS(34),
    SCALE_HEIGHT = PDF_POINTS(12),
    NUMBERED_DAYS_MAX = 31
};

static void line(struct pdf *pdf, int x0, int y0, int x1, int y1)
{
    pdf->library->cairo_move_to(pdf->ink, (double)x0 / PANGO_SCALE, (double)y0 / PANGO_SCALE);
    pdf->library->cairo_line_to(pdf->ink, (double)x1 / PANGO_SCALE, (double)y1 / PANGO_SCALE);
}

static void hatch(struct pdf *pdf, enum pattern pattern, int x, int y, int width, int height)
{
    int reach = width + height;

    for (int at = 0; pattern == LEVEL && at < height; at += STEP) {
        line(pdf, x, y + at + STEP / 2, x + width, y + at + STEP / 2);
    }
    for (int at = 0; pattern == TWICE_LEVEL && at < height; at += STEP / 2) {
        line(pdf, x, y + at + STEP / 4, x + width, y + at + STEP / 4);
    }
    for (int at = 0; pattern == UPRIGHT && at < width; at += STEP) {
        line(pdf, x + at + STEP / 2, y, x + at + STEP / 2, y + height);
    }
    for (int at = STEP / 2; (pattern == RISING || pattern == CROSSED) && at < reach; at += STEP) {
        line(pdf, x + at - height, y + height, x + at, y);
    }
    for (int at = STEP / 2; (pattern == FALLING || pattern == CROSSED) && at < reach; at += STEP) {
        line(pdf, x + at - height, y, x + at, y + height);
    }
}

static void dots(struct pdf *pdf, unsigned rgb, int x, int y, int width, int height)
{
    enum { DOT = PDF_POINTS(1) };

    for (int row = 0; row < height / STEP + 1; row++) {
        for (int at = row % 2 * STEP / 2; at + DOT <= width; at += STEP) {
            if (row * STEP + DOT <= height) {
                pdf_fill(pdf, rgb, x + at, y + row * STEP, DOT, DOT);
            }
        }
    }
}

static void draw_piece(struct pdf *pdf, enum time_class class, int x, int y, int width, int height)
{
    const struct pdf_library *library = pdf->library;
    unsigned rgb = looks[class].ink;

    pdf_fill(pdf, looks[class].paper, x, y, width, height);
    if (!pdf_inked(pdf) || looks[class].pattern == PLAIN) {
        return;
    }
    if (looks[class].pattern == DOTS) {
        dots(pdf, rgb, x, y, width, height);
        return;
    }
    library->cairo_save(pdf->ink);
    library->cairo_rectangle(pdf->ink, (double)x / PANGO_SCALE, (double)y / PANGO_SCALE,
                             (double)width / PANGO_SCALE, (double)height / PANGO_SCALE);
    library->cairo_clip(pdf->ink);
    library->cairo_set_source_rgb(pdf->ink, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                                  (rgb & 255) / 255.0);
    library->cairo_set_line_width(pdf->ink, 0.7);
    hatch(pdf, looks[class].pattern, x, y, width, height);
    library->cairo_stroke(pdf->ink);
    library->cairo_restore(pdf->ink);
}

void pdf_swatch(struct pdf *pdf, enum time_class class, int x, int y, int size)
{
    draw_piece(pdf, class, x, y, size, size);
}

static size_t day_count(const struct tree *days)
{
    return days->count < PDF_DAYS_MAX ? days->count : PDF_DAYS_MAX;
}

static void draw_day(struct pdf *pdf, const struct tree *day, int x, int width)
{
    struct bars_piece pieces[TIME_CLASS_COUNT];
    size_t count = bars_of_day(day, pieces);

    for (size_t i = 0; i < count; i++) {
        int top = pieces[i].y * (BAR_AREA / BARS_HEIGHT);

        draw_piece(pdf, pieces[i].class, x, pdf->y + top, width,
                   pieces[i].height * (BAR_AREA / BARS_HEIGHT));
    }
}

/* Below each bar its day, where there is room; else the first and the last. */
static void draw_scale(struct pdf *pdf, const struct tree *days, int pitch)
{
    struct pdf_setting setting = {.style = PDF_RUNNING, .width = -1};
    size_t count = day_count(days);

    for (size_t i = 0; i < count; i++) {
        struct str date = tree_text(&days->children[i], "date");
        bool first = i == 0 || i == count - 1;

        if (count <= NUMBERED_DAYS_MAX && date.size == 10) {
            date = str_of(date.data + 8, 2);
        } else if (!first) {
            continue;
        }
        setting.width = count <= NUMBERED_DAYS_MAX ? -1 : PDF_POINTS(100);
        setting.right = count > NUMBERED_DAYS_MAX && i > 0;
        pdf_text_collect(pdf, date, false);
        pdf_text_draw(pdf, &setting, pdf_text_take(pdf),
                      setting.right ? PDF_LEFT + PDF_WIDTH - setting.width
                                    : PDF_LEFT + (int)i * pitch,
                      pdf->y + BAR_AREA + PDF_POINTS(1), NULL);
    }
}

static void draw_days(struct pdf *pdf, const struct tree *days)
{
    size_t count = day_count(days);
    int pitch = count > 0 ? PDF_WIDTH / (int)count : 0;

    for (size_t i = 0; i < count; i++) {
        draw_day(pdf, &days->children[i], PDF_LEFT + (int)i * pitch,
                 pitch - pitch * BARS_GAP / BARS_WIDTH);
    }
    draw_scale(pdf, days, pitch);
    pdf->y += BAR_AREA + SCALE_HEIGHT;
}

/* One line of text for each day that was not wholly up. */
static void say_days(struct pdf *pdf, const struct tree *days)
{
    size_t said = 0;

    for (size_t i = 0; i < day_count(days); i++) {
        if (!bars_wholly_up(&days->children[i])) {
            page_words(&pdf->page, said++ > 0 ? "; " : "Not wholly up: ");
            page_day(&pdf->page, &days->children[i]);
        }
    }
    page_words(&pdf->page, said > 0 ? "." : "Wholly up on every day.");
    pdf_paragraph(pdf, PDF_FINE, pdf_text_take(pdf), "P", PDF_POINTS(9));
}

void pdf_bars(struct page *page, const struct tree *service)
{
    struct pdf *pdf = pdf_of(page);
    const struct tree *days = tree_at(service, "days");
    struct pdf_setting setting = {.style = PDF_SERVICE, .width = PDF_WIDTH};
    struct pdf_text heading;

    if (pdf->ended || pdf->bars_count > PDF_SERVICES_MAX) {
        return;
    }
    if (pdf->bars_count++ == PDF_SERVICES_MAX) {
        page_block(page, PAGE_SMALL, "The days of the other services are in the JSON document.");
        return;
    }
    page_name(page, tree_text(service, "service"));
    if (tree_present(service, "uptime")) {
        page_words(page, "   ");
        page_text(page, tree_text(service, "uptime.percent"));
        page_words(page, " %");
    }
    heading = pdf_text_take(pdf);
    pdf_need(pdf,
             pdf_text_height(pdf, &setting, heading) + BAR_AREA + SCALE_HEIGHT + PDF_POINTS(26));
    pdf_text_draw(pdf, &setting, heading, PDF_LEFT, pdf->y, "H3");
    pdf->y += pdf_text_height(pdf, &setting, heading) + PDF_POINTS(2);
    draw_days(pdf, days);
    say_days(pdf, days);
}
