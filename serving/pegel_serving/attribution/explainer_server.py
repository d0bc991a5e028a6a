"""`python -m pegel_serving.attribution.explainer_server --model-dir DIR --model_name NAME`: an explainer of KServe.

An InferenceService starts it as its explainer, with `--predictor_host` and `--http_port`, as KServe calls them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pegel.errors import SetupError
from pegel_serving import http_service, json_logs
from pegel_serving.attribution.explained_calls import AttributionExplainer
from pegel_serving.server import rest_server


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.attribution.explainer_server", description=__doc__)
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.joblib and metadata.json")
    parser.add_argument("--model_name", required=True, help="name of the model in its URLs")
    parser.add_argument("--predictor_host", default="", help="where predictions are asked for")
    parser.add_argument("--background", type=Path, help="table of Parquet with rows of the baseline")
    parser.add_argument("--http_port", type=int, default=0, help="0 takes a free port; the ready line names it")
    parser.add_argument("--host", default="127.0.0.1")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure("explainer")
    try:
        listener = http_service.bind(options.host, options.http_port)
        model = AttributionExplainer(options.model_name, options.model_dir, options.background, options.predictor_host)
        model.load()
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    rest = rest_server([model], listener.getsockname()[1])
    return http_service.run(rest.config, listener, "explainer")


if __name__ == "__main__":
    sys.exit(main())
