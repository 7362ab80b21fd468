"""Renders template.yaml as CloudFormation does, for one choice of parameters.

AWS's translator turns the SAM template into a CloudFormation template. No library evaluates parameters, rules,
conditions and functions completely, so this module does, for those that the template uses.
"""

import json
import logging
import os
import re
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
# The translator logs its own metrics.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
NO_VALUE = object()


class Refused(Exception):
    """CloudFormation rejects a parameter or a rule. The text is its error message."""


class NoManagedPolicies:
    """The translator loads managed policies only for a policy that is a name. The template has none."""

    def load(self):
        raise AssertionError("a managed policy is named")


def source():
    """Returns the template as written."""
    return yaml_parse(TEMPLATE.read_text())


def translate(given=None):
    """Returns the template after AWS's transform, before parameters, rules and conditions are evaluated."""
    template = source()
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    values = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    return json.loads(json.dumps(transform(template, values | (given or {}), NoManagedPolicies())))


class Stack:
    """A rendered stack: `resources` and `outputs` by name, with every function resolved.

    A reference to a resource is its name. A reference to an attribute is `Name.Attribute`.
    """

    def __init__(self, **given):
        self.template = translate(given)
        self.values = {
            "AWS::StackName": "http-sd",
            "AWS::Region": "eu-central-1",
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::NoValue": NO_VALUE,
        }
        self._check_parameters(given)
        self._check_rules()
        self.resources = {
            n: self._without_condition(r) for n, r in self.template["Resources"].items() if self._is_on(r)
        }
        self.outputs = {n: self._resolve(o["Value"]) for n, o in self.template["Outputs"].items() if self._is_on(o)}

    def of_type(self, kind):
        """Returns the properties of all resources of a type, by name."""
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    def _without_condition(self, resource):
        return self._resolve({key: value for key, value in resource.items() if key != "Condition"})

    def _is_on(self, item):
        return "Condition" not in item or self._is_true({"Condition": item["Condition"]})

    def _check_parameters(self, given):
        declared = self.template["Parameters"]
        if unknown := given.keys() - declared.keys():
            raise Refused(f"Parameters: {sorted(unknown)} do not exist in the template")
        for name, parameter in declared.items():
            if name not in given and "Default" not in parameter:
                raise Refused(f"Parameters: [{name}] must have values")
            value = str(given.get(name, parameter.get("Default")))
            if not fits(parameter, value):
                raise Refused(f"Parameter '{name}': {parameter.get('ConstraintDescription', 'does not fit')}")
            self.values[name] = value

    def _check_rules(self):
        for rule in self.template["Rules"].values():
            if self._is_true(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self._is_true(assertion["Assert"]):
                        raise Refused(assertion["AssertDescription"])

    def _is_true(self, expression):
        ((function, argument),) = expression.items()
        match function:
            case "Condition":
                return self._is_true(self.template["Conditions"][argument])
            case "Fn::Not":
                return not self._is_true(argument[0])
            case "Fn::Equals":
                first, second = map(self._resolve, argument)
                return str(first) == str(second)
        raise NotImplementedError(function)

    def _reference(self, name):
        if name in self.values:
            return self.values[name]
        if not self._is_on(self.template["Resources"][name]):
            raise Refused(f"Unresolved resource dependencies [{name}]")
        return name

    def _attribute(self, name):
        self._reference(name.split(".")[0])
        return name

    def _substitute(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], self._resolve(argument[1]))

        def value(match):
            name = match[1]
            if name in own:
                return own[name]
            return self._attribute(name) if "." in name else self._reference(name)

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            match function:
                case "Ref":
                    return self._reference(argument)
                case "Fn::GetAtt":
                    return self._attribute(argument if isinstance(argument, str) else ".".join(argument))
                case "Fn::If":
                    return self._resolve(argument[1 if self._is_true({"Condition": argument[0]}) else 2])
                case "Fn::Sub":
                    return self._substitute(argument)
            if function.startswith("Fn::"):
                raise NotImplementedError(function)
        resolved = {key: self._resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}


def fits(parameter, value):
    """Returns whether a parameter accepts a value. A pattern must match the whole value."""
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return False
    if parameter["Type"] == "Number":
        if not re.fullmatch(r"-?\d+", value):
            return False
        return int(parameter.get("MinValue", value)) <= int(value) <= int(parameter.get("MaxValue", value))
    longest = int(parameter.get("MaxLength", 4096))
    return len(value) <= longest and re.fullmatch(parameter.get("AllowedPattern", "(?s:.*)"), value) is not None
