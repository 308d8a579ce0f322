"""A real Prometheus in a namespace, configured as the operator would from our manifests."""

import json
import subprocess
import urllib.parse
from pathlib import Path

import yaml

from .client import Client
from .eventually import eventually
from .namespace import Namespace

PORT = 9090
SCRAPE_INTERVAL = "250ms"


def scrape_jobs(monitor: dict, service: dict, address: str, node: str) -> list[dict]:
    """What the operator makes of a ServiceMonitor for one pod behind the Service."""
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    jobs = []
    for number, endpoint in enumerate(monitor["spec"]["endpoints"]):
        found = {"__meta_kubernetes_pod_node_name": node, "service": service["metadata"]["name"]}
        jobs.append(
            {
                "job_name": f"{monitor['metadata']['name']}/{number}",
                "static_configs": [{"targets": [f"{address}:{ports[endpoint['port']]}"], "labels": found}],
                "relabel_configs": relabeling(endpoint["relabelings"]),
                "metric_relabel_configs": relabeling(endpoint.get("metricRelabelings", [])),
            }
        )
    return jobs


def relabeling(rules: list[dict]) -> list[dict]:
    """The operator's spelling in Prometheus' own."""
    spelling = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return [{spelling.get(key, key): value for key, value in rule.items()} for rule in rules]


class Prometheus:
    """Scrapes `jobs` and evaluates `rules` (the spec of a PrometheusRule) until the `with` block ends."""

    def __init__(self, namespace: Namespace, directory: Path, jobs: list[dict], rules: dict) -> None:
        self.namespace = namespace
        self.directory = directory
        directory.mkdir()
        (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        configuration = {
            "global": {
                "scrape_interval": SCRAPE_INTERVAL,
                "scrape_timeout": SCRAPE_INTERVAL,
                "evaluation_interval": "1s",
            },
            "rule_files": ["rules.yaml"],
            "scrape_configs": jobs,
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def __enter__(self) -> "Prometheus":
        with open(self.directory / "log", "w") as log:
            self.process = self.namespace.start(
                "prometheus",
                f"--config.file={self.directory}/prometheus.yml",
                f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address=127.0.0.1:{PORT}",
                stdout=log,
                stderr=log,
            )
        try:
            eventually(lambda: self.get("/-/ready") or True, within=20, what="Prometheus is ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> str:
        status, body = Client(self.namespace).get(path, "127.0.0.1", PORT, timeout=10)
        assert status in (200, 400, 422), f"{path}: {status}"  # the last two tell what is wrong with a query
        return body

    def query(self, expression: str) -> list[dict]:
        """The series of an instant vector, each with `metric` and `value`."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = json.loads(self.get(path))
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        return answer["data"]["result"]

    def value(self, expression: str) -> float:
        """The one number that an expression gives."""
        (series,) = self.query(expression)
        return float(series["value"][1])

    def rules(self) -> list[dict]:
        """The loaded rules with their health."""
        groups = json.loads(self.get("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]
