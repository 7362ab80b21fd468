//! Messages of `sdctl check`, and errors of the command line.

use super::Transcript;

#[test]
fn messages_of_check() {
    let mut transcript = Transcript::new();
    transcript.write("good.json", r#"[{"targets": ["a:9100"], "labels": {"env": "prod"}}]"#);
    transcript.write(
        "faults.json",
        r#"[
  {"targets": "a:9100"},
  {"targets": [null, ""], "labels": {"a-b": "c"}},
  {"target": ["b:9100"]},
  {"targets": ["c d"], "labels": null}
]
"#,
    );
    transcript.write(
        "warnings.yml",
        r#"- targets: ["a:9100,b:9100", "a:99999", "::1", ":80", "a:", "https://a/", "http://b/"]
  labels: {__scheme__: ftp, __scrape_timeout__: 2m, __meta_dynamodb_job: x}
- targets: []
  labels: {__scrape_interval__: soon}
- targets: ["x:1", "x:1"]
- targets: ["x:1"]
"#,
    );
    transcript.write(
        "prometheus.yml",
        r#"scrape_configs:
- job_name: a/b
  static_configs: [{targets: ["a:1"]}]
- job_name: node
  file_sd_configs: [{files: ["missing.json"]}]
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
- job_name: typo
  static_config: []
"#,
    );
    transcript.write("null.json", "null");
    transcript.write("broken.json", "[{]");
    for line in [
        "sdctl check good.json",
        "cat faults.json; sdctl check faults.json",
        "sdctl check faults.json --for prometheus3",
        "sdctl check faults.json --for vmagent",
        "cat warnings.yml; sdctl check warnings.yml",
        "sdctl check warnings.yml --for vmagent --strict",
        "cat prometheus.yml; sdctl check prometheus.yml",
        "sdctl check null.json broken.json",
        "sdctl check null.json -o json",
        "sdctl check missing.json",
        "cat good.json | sdctl check -",
        "sdctl check",
        "sdctl check good.json --url http://127.0.0.1:1/prom",
        "sdctl check --url http://127.0.0.1:1/prom",
        "sdctl check --url 127.0.0.1:1",
        "sdctl check --url http://127.0.0.1:1/prom --refresh-interval 0s",
        "sdctl check --url http://127.0.0.1:1/prom --token-file missing.token",
        "sdctl check good.json --for nagios",
    ] {
        transcript.local(line);
    }
    transcript.part("The command line");
    for line in ["sdctl", "sdctl nonsense", "sdctl table", "sdctl get --tabel http-sd", "sdctl completions ksh"] {
        transcript.local(line);
    }
    transcript.assert("check");
}
