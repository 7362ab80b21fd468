"""Programs around a deployed stack: a local AWS, the SAM CLI, sdctl, and the function under Lambda's emulator."""

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from scripts.processes import free_port, running, wait_until

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".tools/bin"
SDCTL = REPOSITORY / "target/debug/sdctl"
REGION = "eu-central-1"
ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "administrator", "AWS_SECRET_ACCESS_KEY": "administrator"}


def plain_environment():
    """Returns the environment without the settings of AWS and of this project."""
    own = ("AWS_", "HTTP_SD_", "RUST_LOG", "SAM_CLI_", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def post(url, body, content_type="application/json"):
    """Returns the body of the response, or `None` while the connection is refused."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        raise
    except (urllib.error.URLError, ConnectionError):
        return None


class Aws:
    """A local AWS."""

    def __init__(self, port):
        # moto recognises its own storage by this name only.
        self.url = f"http://localhost:{port}"

    def client(self, service, **keys):
        """Returns a client without retries, with these keys or the administrator's."""
        keys = keys or {"aws_access_key_id": "administrator", "aws_secret_access_key": "administrator"}
        config = Config(retries={"max_attempts": 0})
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, config=config, **keys)

    def environment(self, keys=None):
        """Returns the environment that directs every AWS SDK here, with these keys or the administrator's."""
        here = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        return plain_environment() | here | (keys or ADMINISTRATOR)

    @contextlib.contextmanager
    def policies_in_force(self):
        """Enforces the policies of callers in a `with` block."""
        post(f"{self.url}/moto-api/reset-auth", b"0", "text/plain")
        try:
            yield
        finally:
            post(f"{self.url}/moto-api/reset-auth", b"inf", "text/plain")

    def sam(self, *arguments):
        """Runs the SAM CLI in the repository, and returns its output."""
        environment = self.environment() | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
        command = [TOOLS / "sam", *arguments]
        ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def deploy(self, stack, architecture="x86_64", **parameters):
        """Deploys the output of `make build` with the repository's samconfig.toml, and returns the stack."""
        overrides = [f"{name}={value}" for name, value in {"Architecture": architecture, **parameters}.items()]
        self.sam(
            "deploy",
            *("--config-file", REPOSITORY / "samconfig.toml"),
            *("--template-file", REPOSITORY / ".aws-sam" / architecture / "template.yaml"),
            *("--stack-name", stack, "--no-confirm-changeset", "--parameter-overrides", *overrides),
        )
        return Stack(self, stack)

    def user(self, name, actions, table):
        """Returns the keys of a new user with permission for these actions on a table."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        allow = {"Effect": "Allow", "Action": actions, "Resource": table_arn(table)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def sdctl(self, keys, table, *arguments):
        """Runs sdctl on a table, and returns its output."""
        environment = self.environment(keys) | {"HTTP_SD_TABLE": table}
        ran = subprocess.run([SDCTL, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout


def table_arn(name):
    """Returns the ARN of a table in the local AWS."""
    return f"arn:aws:dynamodb:{REGION}:123456789012:table/{name}"


class Stack:
    """A deployed stack."""

    def __init__(self, aws, name):
        self.aws = aws
        api = aws.client("cloudformation")
        (description,) = api.describe_stacks(StackName=name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        summaries = api.list_stack_resources(StackName=name)["StackResourceSummaries"]
        self.resources = {summary["LogicalResourceId"]: summary["PhysicalResourceId"] for summary in summaries}
        self.function = aws.client("lambda").get_function_configuration(FunctionName=self.resources["Function"])
        # moto forgets the output after an update.
        self.table = self.outputs.get("TableName")

    def role(self):
        """Returns keys of the function's role, as Lambda provides them."""
        made = self.aws.client("sts").assume_role(RoleArn=self.function["Role"], RoleSessionName="function")
        keys = made["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    @contextlib.contextmanager
    def emulated(self, bootstrap, folder, role, **variables):
        """Runs the function under Lambda's emulator with the stack's environment, its role and further variables."""
        address = f"127.0.0.1:{free_port()}"
        environment = self.aws.environment(role) | self.function["Environment"]["Variables"] | variables
        # Lambda derives these from the template's LoggingConfig and Timeout.
        environment |= {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
        environment["AWS_LAMBDA_FUNCTION_TIMEOUT"] = str(self.function["Timeout"])
        runtime = f"127.0.0.1:{free_port()}"
        command = [TOOLS / "aws-lambda-rie", "--runtime-interface-emulator-address", address]
        command += ["--runtime-api-address", runtime, bootstrap]
        log = folder / "emulator.log"
        with running(command, environment, log) as process:
            function = Emulated(f"http://{address}/2015-03-31/functions/function/invocations", log)
            wait_until(function.is_up, process)
            yield function


class Emulated:
    """A running function, which accepts one event at a time."""

    def __init__(self, url, log):
        self.url, self.log = url, log

    def is_up(self):
        """Returns whether the emulator listens. The function starts with the first event."""
        return self.invoke("health") is not None

    def invoke(self, event, token=None, path=None):
        """Returns status and body for an event of `events/`, with this token and path."""
        event = json.loads((REPOSITORY / "events" / f"{event}.json").read_text())
        if token:
            event["headers"]["authorization"] = f"Bearer {token}"
        if path:
            event["rawPath"] = event["requestContext"]["http"]["path"] = path
        answer = post(self.url, json.dumps(event).encode())
        if answer is None:
            return None
        response = json.loads(answer)
        assert "statusCode" in response, f"{response}\n{self.log.read_text()}"
        body = response["body"]
        if response["isBase64Encoded"]:
            body = base64.b64decode(body)
        return response["statusCode"], body

    def logged(self):
        """Returns the log lines of the function."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def unavailable(why):
    """Skips the calling test, or fails it with `CI=true`."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


def tool(name):
    """Returns a program that `make check-tools` installs, or one on PATH."""
    program = shutil.which(name, path=f"{TOOLS}:{os.environ['PATH']}")
    return program or unavailable(f"{name} is missing: run make check-tools")


def bootstrap_for(architecture, folder):
    """Returns a bootstrap that runs the function built for an architecture."""
    built = REPOSITORY / ".aws-sam" / architecture / "Function/bootstrap"
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(os.uname().machine)
    tool("aws-lambda-rie")
    if machine == architecture:
        return built
    if architecture != "arm64":
        unavailable(f"this machine cannot run {architecture}")
    wrapper = folder / "bootstrap"
    libraries = REPOSITORY / ".tools/qemu/usr/aarch64-linux-gnu"
    wrapper.write_text(f'#!/bin/sh\nexec "{tool("qemu-aarch64-static")}" -L "{libraries}" "{built}" "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def zipped(folder, into):
    """Creates the zip for the upload, and returns its size in bytes."""
    archive = Path(shutil.make_archive(str(into / "function"), "zip", folder))
    return archive.stat().st_size


@contextlib.contextmanager
def local_aws(folder):
    """Starts an empty local AWS."""
    port, log = free_port(), folder / "aws.log"
    command = [sys.executable, Path(__file__).with_name("cloudformation.py"), str(port)]
    environment = plain_environment() | {"AWS_DEFAULT_REGION": REGION}
    with running(command, environment, log) as process:
        aws = Aws(port)

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        wait_until(listens, process)
        yield aws
