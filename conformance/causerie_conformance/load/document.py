"""A run of the load as JSON, with stable keys.

Keys of the document: ``causerie_load`` (version of the suite), ``protocol_version``, ``target``, ``agent`` (the
server's name for itself), ``began`` (ISO 8601, UTC), ``exit_status``, ``interrupted``, ``stopped`` (why it could
not go on, or null), ``plan`` (what was asked for; ``rate`` null: as fast as ``window`` allows), ``measured``
(seconds), ``sends``, ``sends_per_second``, ``deliveries``, ``deliveries_per_second``, ``owed`` (deliveries that all
readers were owed, warm-up included), ``latency``, ``wrong`` (what must not happen, and how often it did),
``answers`` (ERRORs by code), ``ends`` (connections that ended early, by why), ``held`` (messages that waited
because the server did not read), ``foreign`` (messages of others), ``thresholds`` (a list of ``text`` and
``failed``), ``generator`` (``busy`` from 0 to 1, of the busiest process; ``bottlenecks``, a list of sentences;
``machine_load`` or null), ``series``, ``distribution``, ``server_output`` (of a server that died, or null).

``latency``: for each of delivery, ack, connect, login and lag ``count``, ``mean``, ``p50`` … ``p99.9`` and ``max``,
in ms. ``series``: a list, of each piece of time ``at`` (seconds since measuring began), ``sends``, ``acks``,
``deliveries`` (a second, by when they happened), and ``p50``, ``p99``, ``p99.9``, ``max`` in ms of the deliveries
that were due then, or null if there were none. ``distribution``: a list of [from ms, to ms, deliveries].

Keys are added, never renamed or removed, within one major version of the suite.

In here: that document. Not in here: anything that decides.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from causerie_conformance.load.figures import LATENCIES
from causerie_conformance.load.histogram import Histogram, bounds_of
from causerie_conformance.load.plan import SECOND
from causerie_conformance.load.results import PERCENTILES, Results
from causerie_spec import __version__
from causerie_spec.codes import VERSION

Document = dict[str, Any]


def write(document: Document, path: Path) -> None:
    """Write the document to a file. Raises OSError."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def document(results: Results) -> Document:
    """The document, made of nothing but dicts, lists, strings, numbers and None."""
    measures, plan = results.measures, results.plan
    failed = {found.threshold for found in results.failed}
    return {
        "causerie_load": __version__,
        "protocol_version": VERSION,
        "target": plan.target,
        "agent": measures.agent,
        "began": datetime.fromtimestamp(results.began, timezone.utc).isoformat(timespec="milliseconds"),
        "exit_status": int(results.exit_status),
        "interrupted": results.interrupted,
        "stopped": results.stopped or None,
        "plan": {
            "connections": plan.connections,
            "rooms": plan.rooms,
            "pairs": plan.pairs,
            "rate": plan.rate or None,
            "window": plan.window if plan.closed_loop else None,
            "size": plan.size,
            "duration": plan.duration,
            "warmup": plan.warmup,
            "ramp": plan.ramp,
            "processes": plan.processes,
            "tls": plan.tls is not None,
        },
        "measured": round(results.measured, 3),
        "sends": results.sends,
        "sends_per_second": round(results.per_second(measures.written.measured), 3),
        "deliveries": results.deliveries,
        "deliveries_per_second": round(results.per_second(measures.delivered.measured), 3),
        "owed": measures.owed,
        "latency": {name: latency(results.latency(name)) for name in LATENCIES},
        "wrong": results.wrong,
        "answers": dict(measures.answers),
        "ends": dict(measures.ends),
        "held": measures.held,
        "foreign": measures.foreign,
        "thresholds": [{"text": one.text, "failed": one.text in failed} for one in results.thresholds],
        "generator": {
            "busy": round(measures.busy, 4),
            "bottlenecks": results.bottlenecks,
            "machine_load": results.machine_load,
        },
        "series": _series(results),
        "distribution": [[*map(_ms, bounds_of(bucket)), count] for bucket, count in results.delivery.used()],
        "server_output": results.server_output or None,
    }


def latency(histogram: Histogram) -> dict[str, float]:
    """The figures of one histogram, in ms."""
    figures = {f"p{percent:g}": _ms(histogram.percentile(percent)) for percent in PERCENTILES}
    return {"count": len(histogram), "mean": _ms(histogram.mean), **figures, "max": _ms(histogram.percentile(100))}


def _series(results: Results) -> list[dict[str, Any]]:
    plan, measures = results.plan, results.measures
    pieces = []
    for slot in range(plan.slots):
        at = slot * plan.slot / SECOND
        if at >= results.measured:
            break
        length = min(plan.slot / SECOND, results.measured - at)
        histogram = measures.latencies[slot]
        shown = {name: value for name, value in latency(histogram).items() if name in ("p50", "p99", "p99.9", "max")}
        pieces.append(
            {
                "at": round(at, 3),
                "sends": round(measures.written.counts[slot] / length, 3),
                "acks": round(measures.acked.counts[slot] / length, 3),
                "deliveries": round(measures.delivered.counts[slot] / length, 3),
                **(shown if len(histogram) else dict.fromkeys(shown)),
            }
        )
    return pieces


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 4)
