"""sys.argv: a trace, the table of its profile, a file with a name and a number a line, and perhaps a browser, for Perfetto to read the trace in."""
import collections
import json
import re
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
    count = int(re.search(r" in (\d+) events", file.readline())[1])
with open(sys.argv[3], encoding="utf-8") as file:
    facts = {name: int(number) for name, number in (line.rsplit(" ", 1) for line in file)}

events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
assert len(events) == count, f"{len(events)} events, want {count}"
for e in trace["traceEvents"]:
    assert e["ph"] in "XM" and isinstance(e["pid"], int) and isinstance(e["tid"], int) and isinstance(e["args"], dict), e
for e in events:
    assert e["dur"] >= 0 and e["ts"] >= 0 and e["cat"] in ("op", "backward", "module", "span"), e
    e["start"], e["end"] = round(1e3 * e["ts"]), round(1e3 * (e["ts"] + e["dur"])) # nanoseconds
# Of two events of a thread one is inside the other or they are apart.
for tid in {e["tid"] for e in events}:
    open_until = []
    for e in sorted((e for e in events if e["tid"] == tid), key=lambda e: (e["start"], -e["end"])):
        while open_until and open_until[-1] <= e["start"]:
            open_until.pop()
        assert not open_until or e["end"] <= open_until[-1], e
        open_until.append(e["end"])
# The backward of an op may run ops of the same name: those are inside it.
outside = {}
for tid in {e["tid"] for e in events}:
    walls = [(e["start"], e["end"]) for e in events if e["tid"] == tid and e["cat"] == "backward"]
    for e in events:
        if e["tid"] == tid and not (e["cat"] == "op" and any(a <= e["start"] and e["end"] <= b for a, b in walls)):
            outside[e["name"]] = outside.get(e["name"], 0) + 1
for name, number in facts.items():
    assert outside.get(name) == number, f"{name}: {outside.get(name)} events, want {number}"
assert any(e["args"]["module"] == 'step "\\\n\u00e4"' for e in events)

if len(sys.argv) > 4:
    import perfetto_parser

    details = ("module", "result", "cotangent", "operands", "flops", "bytes")
    with open(sys.argv[1], "rb") as file:
        complaints, names, slices, roots = perfetto_parser.ask(
            sys.argv[4], file.read(),
            "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
            "select pid, process.name as process, tid, thread.name as thread from thread join process using (upid) where pid > 0",
            "select category, slice.name as name, pid, tid, ts, dur, " + ", ".join(f"extract_arg(slice.arg_set_id, 'args.{d}') as {d}" for d in details) +
            " from slice join thread_track on track_id = thread_track.id join thread using (utid) join process using (upid)",
            "select name, count(*) as n from slice where category <> 'op' or not exists"
            " (select 1 from ancestor_slice(slice.id) as wall where wall.category = 'backward') group by name")
    assert not complaints, complaints
    meta = {(e["name"], e["pid"], e["tid"]): e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
    threads = {(pid, meta["process_name", pid, 0], tid, name) for (kind, pid, tid), name in meta.items() if kind == "thread_name"}
    assert set(names) == threads, (names, threads)
    wrote = collections.Counter((e["cat"], e["name"], e["pid"], e["tid"], e["start"], e["end"] - e["start"], *map(e["args"].get, details))
                                for e in events)
    read = collections.Counter(slices)
    assert read == wrote, f"lost {wrote - read}, found {read - wrote}"
    assert dict(roots) == outside, (roots, outside)
    print(f"Perfetto read {len(slices)} slices of {len(roots)} names, {sum(s[5] for s in slices)} ns")
