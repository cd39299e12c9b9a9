"""sys.argv: a trace, a file with a name and a number a line, and perhaps Perfetto's trace_processor_shell, which shall read the trace too."""
import json
import sys


def refuse(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a name stands twice: {names}"
    return dict(pairs)


def no_constant(text):
    raise ValueError(f"{text} is no JSON")


with open(sys.argv[1], encoding="utf-8") as file:
    trace = json.load(file, object_pairs_hook=refuse, parse_constant=no_constant)
with open(sys.argv[2], encoding="utf-8") as file:
    facts = {name: int(number) for name, number in (line.rsplit(" ", 1) for line in file)}

events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
counts = {}
for e in trace["traceEvents"]:
    assert e["ph"] in "XM" and isinstance(e["pid"], int) and isinstance(e["tid"], int) and isinstance(e["args"], dict), e
for e in events:
    assert e["dur"] >= 0 and e["ts"] >= 0 and e["cat"] in ("op", "backward", "module", "span"), e
    counts[e["cat"], e["name"]] = counts.get((e["cat"], e["name"]), 0) + 1
# Of two events of a thread one is inside the other or they are apart; a nanosecond is what rounding may take.
for tid in {e["tid"] for e in events}:
    open_until = []
    for e in sorted((e for e in events if e["tid"] == tid), key=lambda e: (e["ts"], -e["dur"])):
        end = e["ts"] + e["dur"]
        while open_until and open_until[-1] <= e["ts"] + 0.0015:
            open_until.pop()
        assert not open_until or end <= open_until[-1] + 0.0015, e
        open_until.append(end)
# The backward of an op may run ops of the same name: those are inside it.
outside = {}
for tid in {e["tid"] for e in events}:
    walls = [(e["ts"], e["ts"] + e["dur"]) for e in events if e["tid"] == tid and e["cat"] == "backward"]
    for e in events:
        if e["tid"] == tid and not (e["cat"] == "op" and any(a - 0.0015 <= e["ts"] and e["ts"] + e["dur"] <= b + 0.0015 for a, b in walls)):
            outside[e["name"]] = outside.get(e["name"], 0) + 1
for name, number in facts.items():
    assert outside.get(name) == number, f"{name}: {outside.get(name)} events, want {number}"
assert any(e["args"]["module"] == 'step "\\\n\u00e4"' for e in events)

if len(sys.argv) > 3:
    from perfetto.trace_processor import TraceProcessor, TraceProcessorConfig

    with TraceProcessor(trace=sys.argv[1], config=TraceProcessorConfig(bin_path=sys.argv[3])) as processor:
        read = {(row.category, row.name): row.n for row in processor.query("select category, name, count(*) as n from slice group by category, name")}
        assert read == counts, (read, counts)
