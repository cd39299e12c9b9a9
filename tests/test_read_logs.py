"""Runs logged_run and compares what TensorBoard and a browser read with what the JSON log says. Prints TAP."""
import csv
import html.parser
import json
import math
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback

STEPS, EPOCHS, SAMPLES, RESUMED = 60, 6, 100, 15


class Skipped(Exception):
    pass


def json_log(folder):
    with open(f"{folder}/log.json", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    steps = {line["step"]: line for line in lines if line["event"] == "step"}
    epochs = {line["step"]: line for line in lines if line["event"] == "epoch"}
    assert sorted(steps) == list(range(1, STEPS + 1)) and len(lines) == STEPS + EPOCHS, sorted(steps)
    assert [line["epoch"] for line in epochs.values()] == list(range(1, EPOCHS + 1))
    return steps, epochs


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def check_csv(folder, _):
    _, epochs = json_log(folder)
    with open(f"{folder}/log.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == EPOCHS
    for row, logged in zip(rows, epochs.values()):
        assert set(row) == set(logged) - {"event", "step"}, row
        assert all(float(row[name]) == logged[name] for name in row), (row, logged)


# ---- TensorBoard --------------------------------------------------------------------------------------------------------------------
def read_board(folder):
    try:
        from tensorboard.backend.event_processing import plugin_event_accumulator as accumulator
        from tensorboard.util import tensor_util
    except ImportError as missing:
        raise Skipped(f"no tensorboard for this Python: {missing}; CT_TEST_PYTHON may name one")
    everything = {name: 0 for name in ("scalars", "histograms", "images", "text")}
    board = accumulator.EventAccumulator(f"{folder}/board", tensor_size_guidance=everything)
    board.Reload()
    tags = {}
    for tag in board.Tags()["tensors"]:
        plugin = board.SummaryMetadata(tag).plugin_data.plugin_name
        tags[tag] = plugin, {event.step: tensor_util.make_ndarray(event.tensor_proto) for event in board.Tensors(tag)}
    return tags


def check_scalars(folder, _):
    tags = read_board(folder)
    steps, epochs = json_log(folder)
    wanted = {f"step/{name}": (steps, name) for name in ("loss", "lr", "grad_norm")}
    wanted |= {f"epoch/{name}": (epochs, name) for name in epochs[STEPS] if name not in ("event", "epoch", "step")}
    assert {tag for tag, (plugin, _) in tags.items() if plugin == "scalars"} == set(wanted)
    for tag, (logged, name) in wanted.items():
        read = {step: value.item() for step, value in tags[tag][1].items()}
        assert read == {step: float32(line[name]) for step, line in logged.items()}, (tag, read)


def check_histograms(folder, _):
    tags = read_board(folder)
    try:
        from safetensors.numpy import load_file
    except ImportError as missing:
        raise Skipped(str(missing))
    weights = {name: value for name, value in load_file(f"{folder}/checkpoints/last.checkpoint").items() if name.startswith("module.")}
    found = {tag for tag, (plugin, _) in tags.items() if plugin == "histograms"}
    assert found == {"weights/" + name[len("module."):] for name in weights}, found
    for name, value in weights.items():
        events = tags["weights/" + name[len("module."):]][1]
        assert sorted(events) == [20, 40, 60]
        rows = events[STEPS]
        assert rows.shape == (30, 3) and rows[:, 2].sum() == value.size
        assert rows[0, 0] == value.min() and rows[-1, 1] == value.max() and (rows[1:, 0] == rows[:-1, 1]).all()
        for left, right, count in rows:        # an edge may round to either side
            assert abs(((value >= left) & (value < right)).sum() - count) <= 1, (name, left, right, count)


def check_images_and_text(folder, has_png):
    tags = read_board(folder)
    images = {tag: events for tag, (plugin, events) in tags.items() if plugin == "images"}
    assert set(images) == {f"inputs/{i}" for i in range(8 if has_png else 0)}
    for events in images.values():
        assert sorted(events) == [1, RESUMED]
        for width, height, png in events.values():
            assert width == height == b"28" and png.startswith(b"\x89PNG\r\n\x1a\n") and struct.unpack(">II", png[16:24]) == (28, 28)
    texts = {tag: events[1].item().decode() for tag, (plugin, events) in tags.items() if plugin == "text"}
    assert set(texts) == {"options", "network"}
    assert "    parameters: 25,450, trainable: 25,450\n" in texts["network"] and "| optimizer | adam: lr 0.003, " in texts["options"]


# ---- A browser ----------------------------------------------------------------------------------------------------------------------
class Page(html.parser.HTMLParser):
    """Tables by id as rows of (text, title) cells, and what the page would fetch or run."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.table, self.cell, self.inside = {}, None, None, None
        self.fetched, self.tags, self.texts = [], {}, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.fetched += [value for name, value in attributes.items() if name in ("src", "href")]
        self.fetched += [name for name in attributes if name.startswith("on")]
        self.inside = tag
        if tag == "table":
            self.table = self.tables.setdefault(attributes.get("id"), [])
        elif tag == "tr" and self.table is not None:
            self.table.append([])
        elif tag in ("td", "th"):
            self.cell = ["", None]
            self.table[-1].append(self.cell)
        elif tag == "span" and self.cell is not None:
            self.cell[1] = attributes.get("title")

    def handle_endtag(self, tag):
        self.inside = None
        if tag in ("td", "th"):
            self.cell = None
        elif tag == "table":
            self.table = None

    def handle_data(self, data):
        if self.inside:
            self.texts.setdefault(self.inside, []).append(data)
        if self.cell is not None:
            self.cell[0] += data


def browse(folder):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        raise Skipped("no chromium")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom",
                               f"file://{folder}/report.html"], capture_output=True, timeout=120, check=True, text=True)
    return Page(done.stdout)


def check_report(folder, has_png):
    page = browse(folder)
    _, epochs = json_log(folder)
    title = "<script>alert('digits')</script>"
    assert page.texts["title"] == [title] and page.texts["h1"] == [title] and not page.tags.keys() & {"script", "i", "b", "link", "iframe"}, page.tags
    assert all(value.startswith("data:image/png;base64,") for value in page.fetched), page.fetched
    assert page.tags.get("img", 0) == (24 if has_png else 0) and page.tags["figure"] == 24 and page.tags["svg"] == 6

    head, *rows = page.tables["epochs"]
    assert len(rows) == EPOCHS
    for row, logged in zip(rows, epochs.values()):
        read = {name: float(title or text) for (name, _), (text, title) in zip(head, row)}
        assert read == {name: value for name, value in logged.items() if name not in ("event", "step")}, (read, logged)
        for (_, _), (text, title) in zip(head, row):
            assert title is None or math.isclose(float(text), float(title), rel_tol=1e-4, abs_tol=1e-12), (text, title)

    last = epochs[STEPS]
    results = {row[0][0]: [float(title or text) for text, title in row[1:]] for row in page.tables["results"][1:]}
    for name, better in (("loss", min), ("val_loss", min), ("val_accuracy", max), ('val_<b>&"half"', max)):
        best = better(line[name] for line in epochs.values())
        epoch = next(line["epoch"] for line in epochs.values() if line[name] == best)
        assert results[name] == [last[name], best, epoch], (name, results[name])

    matrix = [[int(text) for text, _ in row[1:]] for row in page.tables["confusion"][1:]]
    assert sum(map(sum, matrix)) == SAMPLES and sum(matrix[i][i] for i in range(10)) / SAMPLES == last["val_accuracy"]
    assert page.tables["confusion"][0][-1][0] == "<i>nine"
    for i, (name, samples, told, precision, recall, f1) in enumerate(page.tables["classes"][1:]):
        right, truth, named = matrix[i][i], sum(matrix[i]), sum(row[i] for row in matrix)
        assert (int(samples[0]), int(told[0])) == (truth, named), name
        assert float(precision[1]) == (right / named if named else 0) and float(recall[1]) == (right / truth if truth else 0)
        assert float(f1[1]) == 2 * right / (named + truth)
    options = {name[0]: value[0] for name, value in page.tables["options"]}
    assert options["epochs"] == "6 of 10 batches" and options["training samples"] == "320" and options["seed"] == "0"
    assert re.search(r"parameters: 25,450", "".join(page.texts["pre"]))


def main():
    checks = [check_csv, check_scalars, check_histograms, check_images_and_text, check_report]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        has_png = subprocess.run([sys.argv[1], folder], check=True, stdout=subprocess.PIPE, text=True).stdout == "png\n"
        print(f"1..{len(checks)}")
        for number, check in enumerate(checks, 1):
            name = check.__name__.replace("_", " ")
            try:
                check(folder, has_png)
                print(f"ok {number} - {name}")
            except Skipped as reason:
                print(f"ok {number} - {name} # SKIP {reason}")
            except Exception:                   # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {name}")
                print("# " + traceback.format_exc().replace("\n", "\n# "))
    sys.exit(failed != 0)


main()
