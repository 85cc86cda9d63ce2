/* The style and the patterns of the page. Colours are those of Okabe and Ito, told apart by patterns as well. */
#include "jobs/statement/render_html.h"

const char html_style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1c2430;--soft:#566070;--line:#d5dae1;"
    "--panel:#f5f7f9;--good:#00694d;--bad:#9c3300;--accent:#005a8c}"
    "@media (prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e8ecf1;--soft:#a9b3c0;"
    "--line:#343c47;--panel:#1b212a;--good:#4fd0a5;--bad:#ff9a66;--accent:#7cc4f0}}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",sans-serif;overflow-wrap:break-word}"
    "bdi,code{overflow-wrap:anywhere}"
    "main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}"
    "h1{font-size:1.75rem;line-height:1.2;margin:.1rem 0 .4rem;font-weight:650}"
    "h2{font-size:1.2rem;margin:2.6rem 0 .7rem;padding-top:.7rem;border-top:1px solid var(--line);"
    "font-weight:620}"
    "h3{font-size:1rem;margin:1.2rem 0 .3rem;font-weight:600}"
    "p{margin:.4rem 0}"
    "a{color:var(--accent)}"
    ".kicker{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.05em;"
    "text-transform:uppercase}"
    ".soft{color:var(--soft)}"
    ".small{font-size:.875rem}"
    ".verdict{display:flex;flex-wrap:wrap;gap:1px;background:var(--line);border:1px solid "
    "var(--line);border-radius:.5rem;"
    "overflow:hidden;margin:1.2rem 0}"
    ".verdict div{flex:1 1 14rem;background:var(--panel);padding:.9rem 1.1rem}"
    ".verdict dt{color:var(--soft);font-size:.85rem}"
    ".verdict dd{margin:.1rem 0 0;font-size:1.55rem;line-height:1.25;font-weight:600;"
    "font-variant-numeric:tabular-nums}"
    ".verdict dd small{display:block;font-size:.85rem;font-weight:400;color:var(--soft)}"
    ".good{color:var(--good)}"
    ".bad{color:var(--bad)}"
    ".notice{border:2px solid var(--bad);border-radius:.5rem;padding:.7rem 1rem;margin:1rem 0}"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.2rem;margin:.6rem 0}"
    ".facts dt{color:var(--soft)}"
    ".facts dd{margin:0;min-width:0}"
    "@media (max-width:30rem){.facts{grid-template-columns:1fr;gap:0}.facts dd{margin-bottom:.5rem}"
    "main{padding:1.2rem .9rem 3rem}h1{font-size:1.4rem}}"
    ".frame{overflow-x:auto;margin:.5rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem;"
    "font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--soft);font-size:.875rem;padding-bottom:.3rem}"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem 0;"
    "border-bottom:1px solid var(--line)}"
    "th:last-child,td:last-child{padding-right:0}"
    "thead th{color:var(--soft);font-weight:550;font-size:.84rem;vertical-align:bottom}"
    "tbody th{font-weight:550;min-width:6.5rem}"
    "td.w{min-width:7rem}"
    "tfoot th,tfoot td{font-weight:620;border-bottom:0}"
    ".n{text-align:right;white-space:nowrap}"
    "thead .n{white-space:normal}"
    "time span{white-space:nowrap}"
    "time .o{color:var(--soft);font-size:.9em}"
    "code{font:.85em/1.4 ui-monospace,\"SFMono-Regular\",Menlo,\"Liberation Mono\",monospace}"
    ".bars{display:block;width:100%;height:3.25rem;margin:.2rem 0}"
    ".scale{display:flex;justify-content:space-between;color:var(--soft);font-size:.8rem}"
    ".legend{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:.5rem 0 1rem;"
    "padding:0;font-size:.875rem}"
    ".swatch{width:1rem;height:1rem;vertical-align:-.15rem;margin-right:.4rem;"
    "border:1px solid var(--line)}"
    ".head{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 "
    "1rem}"
    ".patterns{position:absolute;width:0;height:0}"
    "ol.plain{padding-left:1.3rem;margin:.4rem 0}"
    "ol.plain li{margin:.25rem 0}"
    "details{margin:.3rem 0}"
    "summary{cursor:pointer;color:var(--accent);font-size:.875rem}"
    "footer{margin-top:3rem;color:var(--soft);font-size:.85rem}"
    "@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;"
    "--panel:#f4f4f4;--good:#00553e;--bad:#8a2d00;--accent:#003d60}"
    "@page{size:A4;margin:16mm 14mm}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}"
    "html{font-size:9.5pt}body{font-size:9.5pt}main{max-width:none;padding:0}h2{break-after:avoid;"
    "margin-top:1.4rem}"
    "table,thead th{font-size:7.5pt}th,td{padding-right:.45rem}td.w,tbody "
    "th{min-width:0}h3{break-after:avoid}tr,.verdict,.bar{break-inside:"
    "avoid}.frame{overflow:visible}"
    "details:not([open]){display:none}thead{display:table-header-group}}";

#define PATTERN(name, paper, ink, path)                                                            \
    "<pattern id=\"p-" name "\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"         \
    "<rect width=\"8\" height=\"8\" fill=\"" paper "\"/>"                                          \
    "<path d=\"" path "\" stroke=\"" ink "\" stroke-width=\"1.4\" fill=\"none\"/></pattern>"

/* Each differs in form too: plain, dots, rising lines, falling lines, a grid, rings of grey for what is not known. */
const char html_patterns[] =
    "<svg class=\"patterns\" aria-hidden=\"true\" focusable=\"false\"><defs>" PATTERN(
        "up", "#009e73", "#009e73", "M0 0")
        PATTERN("degraded", "#e69f00", "#5c3f00", "M1 4h2M5 0h2M5 8h2")
            PATTERN("partial", "#d55e00", "#ffd9bd", "M-1 9L9-1M-1 1L1-1M7 9L9 7")
                PATTERN("major", "#882255", "#f3c9dd", "M-1-1L9 9M-1 9L9-1")
                    PATTERN("maintenance", "#0072b2", "#bfe0f5", "M0 4h8")
                        PATTERN("no_traffic", "#e3e6ea", "#8d96a1", "M4 0v8")
                            PATTERN("probe_down", "#d5d9df", "#6d7681", "M-1 9L9-1")
                                PATTERN("pipeline_gap", "#c3c9d1", "#59626d", "M-1-1L9 9")
                                    PATTERN("not_provisioned", "#f2f3f5", "#b9c0c8", "M0 2h8M0 6h8")
                                        PATTERN("outside_hours", "#ffffff", "#d5d9df",
                                                "M4 4h0.1") "</defs></svg>";
