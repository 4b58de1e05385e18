"""The page over a million rows: seconds and memory to start, and how long filters, searches and single rows take.

python tests/benchmark_browse.py [--rows 1000000] [--ended 60000] [--keep FOLDER]
"""

import os
import statistics
import time

from benchmark_report import peak, run


def questions(words):
    """Return 30 mixed filters: facets alone and together, searches for frequent and rare words, orders, deep pages."""
    by = [
        {},
        {"source": "oncology"},
        {"status": "dropped"},
        {"task": "mcqa", "lang": "es"},
        {"reason": "near_duplicate"},
    ]
    alone = [{"filters": one, "sort": sort} for one in by for sort in ("", "long")]
    deep = [{"page": 9_000, "sort": sort} for sort in ("", "id", "long", "source")]
    lengths = [{"shortest": 500, "longest": 600}, {"longest": 400, "sort": "short"}]
    places = (0, 5, 40, 300, 2_000, 7_900)
    texts = [*(words[n] for n in places), "zzqx", "e", f"{words[2_000]} {words[3]}"]
    searched = [{"text": text} for text in texts]
    both = [{"text": words[60], "filters": one, "sort": "id"} for one in by]
    return [*alone, *deep, *lengths, *searched, *both][:30]


def told_latencies(seconds):
    seconds = sorted(seconds)
    return {
        "p50_ms": round(statistics.median(seconds) * 1000),
        "p95_ms": round(seconds[int(len(seconds) * 0.95)] * 1000),
        "max_ms": round(seconds[-1] * 1000),
    }


def measured(folder, words):
    from pipelines.report.all_rows import open_view
    from pipelines.report.browse import BrowseApp
    from pipelines.report.row_queries import Question

    begun = time.perf_counter()
    site = BrowseApp.of(open_view(folder))
    ready = time.perf_counter() - begun
    index = site.index
    index.rows(Question())  # the first answer of a database is slower than the rest
    asked = [Question(**one) for one in questions(words.tolist())]
    taken, worked = zip(*(timed(lambda one=one: index.rows(one)) for one in asked), strict=True)
    places = [index.rows_in_all() * n // 8 for n in range(8)]
    rows, _ = zip(*(timed(lambda n=n: site.answer("/row", f"n={n}")) for n in places), strict=True)
    slowest = sorted(zip(taken, map(str, asked), strict=True))[-3:]
    return {
        "ready_seconds": round(ready, 1),
        "peak_mb": peak(),
        "filters": told_latencies(taken),
        "filters_cpu": told_latencies(worked),
        "one_row": told_latencies(rows),
        "load": round(os.getloadavg()[0], 1),
        "slowest": [(round(seconds * 1000), one) for seconds, one in slowest],
    }


def timed(call):
    """Return the seconds that a call took, by the clock and of all cores."""
    begun, before = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begun, time.process_time() - before


if __name__ == "__main__":
    run(measured, __file__, __doc__)
