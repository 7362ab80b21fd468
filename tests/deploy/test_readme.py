"""The nine steps of the README, from an empty account to a polling Prometheus, as written."""

import json
import re
import subprocess
import urllib.request

import pytest
from aws import REPOSITORY, SDCTL, Stack, local_aws, tool

from scripts.processes import free_port, running, wait_until


def blocks():
    """Returns the commands of the README's steps."""
    text = (REPOSITORY / "README.md").read_text()
    steps = text.split("\n## Deploy it\n")[1].split("\n## ")[0]
    assert len(re.findall(r"^\*\*\d\.", steps, re.MULTILINE)) < 10
    return re.findall(r"```sh\n(.*?)```", steps, re.DOTALL)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


def test_readme_steps_lead_to_a_polling_prometheus(aws, tmp_path):
    prometheus, token = tool("prometheus"), tmp_path / "http-sd.token"
    environment = aws.environment() | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
    # sdctl from the build of the tests, because `cargo install` takes long. .ci/run installs it too.
    environment["PATH"] = f"{SDCTL.parent}:{environment['PATH']}"

    def run(commands, before=""):
        # A test cannot answer the confirmation.
        script = "\n".join([before, *commands]).replace("sam deploy", "sam deploy --no-confirm-changeset")
        script = script.replace("http-sd.token", str(token)).replace(f"/etc/prometheus/{token}", str(token))
        command = ["bash", "-euo", "pipefail", "-c", script]
        ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=1200)
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    commands = [block for block in blocks() if "cargo install" not in block]
    (reading,) = [i for i, block in enumerate(commands) if block.startswith("output()")]
    run(commands[:reading])
    stack = Stack(aws, "http-sd")

    # sdctl serve of the same table replaces the Function URL, which moto lacks.
    served = f"http://127.0.0.1:{free_port()}/"
    serve = [SDCTL, "serve", "--table", stack.table, "--port", served.strip("/").rsplit(":")[-1]]
    log = tmp_path / "serve.log"
    variables = stack.function["Environment"]["Variables"]
    with running(serve, aws.environment() | variables, log) as process:
        wait_until(lambda: "Press Ctrl-C to stop." in log.read_text(), process)
        checked = run(commands[reading + 1 :], before=f"{commands[reading]}\n[ -n \"$URL\" ]; URL='{served}'")
        assert "200, 1 group, 1 target" in checked, checked
        printed = checked[checked.index("scrape_configs:") :]

        config, address = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
        scrape_config = printed.replace(stack.outputs["Url"], served).replace("/etc/prometheus/", f"{tmp_path}/")
        assert served in scrape_config
        config.write_text(scrape_config)
        command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"]
        log = tmp_path / "prometheus.log"
        with running([*command, f"--web.listen-address={address}"], environment, log) as process:

            def polled():
                try:
                    with urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=10) as answer:
                        targets = json.load(answer)["data"]["activeTargets"]
                except OSError:
                    return False
                return [(t["labels"]["instance"], t["labels"]["env"]) for t in targets] == [
                    ("web-1.example.internal:9100", "prod")
                ]

            wait_until(polled, process)
