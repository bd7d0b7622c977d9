//! What `kubectl mlops scale` makes of a real MinIO server of two pools and of the real `mc`: a decommission from its start to
//! its end, and the erasure sets and parity of shapes of pools.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mlops_tests::build::{self, Component};
use mlops_tests::http::Client;
use mlops_tests::processes::Processes;
use mlops_tests::wait;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(120);
const SECRET: &str = "CANARY-of-the-decommission";

/// A server, what `mc` needs, and a tenant in a file.
struct Bed {
    processes: Processes,
    address: SocketAddr,
    mc: PathBuf,
}

impl Bed {
    /// A server whose pools are these folders, each with ellipses, below its own.
    fn start(pools: &[&str]) -> Self {
        let server = build::ensure(Component::Minio).expect("built").join("minio");
        let mc = build::ensure(Component::Mc).expect("built").join("mc");
        let processes = Processes::new().expect("a folder");
        let port = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr()).expect("free").port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port()));
        let mut arguments = vec!["server".to_owned(), "--address".to_owned(), address.to_string()];
        arguments
            .extend(pools.iter().map(|pool| processes.dir().join("drives").join(pool).to_string_lossy().into_owned()));
        let env = [
            ("MINIO_ROOT_USER", "testbed".to_owned()),
            ("MINIO_ROOT_PASSWORD", SECRET.to_owned()),
            // Drives may lie on the disk of the system.
            ("MINIO_CI_CD", "1".to_owned()),
            ("MINIO_UPDATE", "off".to_owned()),
            ("MINIO_BROWSER", "off".to_owned()),
            ("MINIO_CALLHOME_ENABLE", "off".to_owned()),
        ];
        processes.start("minio", &server, arguments, &env).expect("starts");
        let client = Client::plain(address);
        wait::until("the server can write", WITHIN, || {
            processes.all_running(&["minio"])?;
            Ok(client.get("/minio/health/cluster").ok().filter(|answer| answer.status == 200))
        })
        .expect("ready");
        Self { processes, address, mc }
    }

    fn dir(&self) -> &Path {
        self.processes.dir()
    }

    fn with_environment(&self, command: &mut Command, secret: &str) -> Output {
        command.env("HOME", self.dir().join("home")).stdin(Stdio::null());
        command.env("MC_HOST_lake", format!("http://testbed:{secret}@{}", self.address));
        command.output().expect("runs")
    }

    fn mc(&self, arguments: &[&str]) -> String {
        let output = self.with_environment(Command::new(&self.mc).env_clear().arg("--json").args(arguments), SECRET);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// A plan for a tenant of such pools, asked with this password; `mc` is the real one, but that its answer bears
    /// the names that servers have under the operator.
    fn plan(&self, pools: &[(&str, &str)], flags: &[&str], secret: &str) -> (Option<i32>, Value) {
        let path = self.dir().join("path");
        std::fs::create_dir_all(&path).expect("made");
        let drives = self.dir().join("drives");
        let renames: String = ["a", "b"]
            .iter()
            .zip(0..)
            .map(|(folder, index)| {
                let from = format!("{}/{folder}{{", drives.display());
                format!(" -e 's#{from}#http://lake-pool-{index}-0.lake-hl.a.svc.cluster.local/export{{#g'")
            })
            .collect();
        // What mc ends with is what counts.
        let script = format!(
            "#!/bin/sh\nsaid=$({} \"$@\")\ncode=$?\necho \"$said\" | sed{renames}\nexit $code\n",
            self.mc.display()
        );
        let program = path.join("mc");
        std::fs::write(&program, script).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let pools: Vec<String> = pools
            .iter()
            .map(|(name, shape)| {
                let (servers, volumes) = shape.split_once('x').expect("a shape");
                format!(
                    "{{name: {name}, servers: {servers}, volumesPerServer: {volumes}, volumeClaimTemplate: {{spec: {{resources: {{requests: {{storage: 1Gi}}}}}}}}}}"
                )
            })
            .collect();
        let tenant = format!(
            "apiVersion: minio.min.io/v2\nkind: Tenant\nmetadata: {{name: lake, namespace: a}}\nspec: {{pools: [{}]}}\nstatus: {{currentState: Initialized, healthStatus: green, drivesOnline: 8}}\n",
            pools.join(", ")
        );
        let file = self.dir().join("tenant.yaml");
        std::fs::write(&file, tenant).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", path.display()));
        command.args(["plan", "tenant/lake", "--force-drift", "-o", "json", "--from"]).arg(&file).args(flags);
        let output = self.with_environment(&mut command, secret);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(!stdout.contains("CANARY") && !stderr.contains("CANARY"), "{stdout}{stderr}");
        let plan = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        (output.status.code(), plan)
    }
}

fn refusal(plan: &Value) -> &str {
    plan["refusals"][0]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_real_decommission_is_followed_from_its_start_to_its_end() {
    let bed = Bed::start(&["a{1...4}", "b{1...4}"]);
    bed.mc(&["mb", "lake/data"]);
    let objects = bed.dir().join("objects");
    std::fs::create_dir(&objects).expect("made");
    for number in 0..40 {
        std::fs::write(objects.join(format!("{number}")), [7; 4096]).expect("written");
    }
    bed.mc(&["cp", "--recursive", &format!("{}/", objects.display()), "lake/data/"]);
    let decommission = |secret: &str| {
        let flags = ["--decommission", "pool-0", "--mc-alias", "lake"];
        bed.plan(&[("pool-0", "1x4"), ("pool-1", "1x4")], &flags, secret)
    };

    let (code, plan) = decommission(SECRET);
    assert_eq!((code, refusal(&plan)), (Some(1), "not-decommissioned"), "{plan}");
    let (code, plan) = decommission("CANARY-of-another");
    assert_eq!((code, refusal(&plan)), (Some(3), "server-did-not-answer"), "{plan}");
    let reason = plan["refusals"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("mc says: ") && reason.contains("signature"), "{reason}");

    bed.mc(&["admin", "decommission", "start", "lake", &format!("{}/drives/a{{1...4}}", bed.dir().display())]);
    let plan = wait::until("all is moved", WITHIN, || {
        let (code, plan) = decommission(SECRET);
        match refusal(&plan) {
            "" => Ok(Some(plan)),
            other => {
                assert_eq!((code, other), (Some(1), "decommission-runs"), "{plan}");
                Ok(None)
            }
        }
    })
    .expect("complete");
    assert_eq!((&plan["state"], &plan["steps"][0]["action"]), (&"planned".into(), &"remove-pool".into()), "{plan}");
    // All is there, on the pool that is left.
    let listed = bed.mc(&["ls", "--recursive", "lake/data"]);
    assert_eq!(listed.lines().count(), 40, "{listed}");
    // The other pool takes part.
    let flags = ["--decommission", "pool-1", "--mc-alias", "lake"];
    let (_, plan) = bed.plan(&[("pool-0", "1x4"), ("pool-1", "1x4")], &flags, SECRET);
    assert_eq!(refusal(&plan), "not-decommissioned", "{plan}");
}

#[test]
fn sets_and_parity_are_those_of_the_server() {
    for shape in ["4x4", "4x5", "5x4", "8x3", "1x2"] {
        let (servers, volumes) = shape.split_once('x').expect("a shape");
        let bed = Bed::start(&[&format!("s{{1...{servers}}}/e{{1...{volumes}}}")]);
        let info: Value = serde_json::from_str(&bed.mc(&["admin", "info", "lake"])).expect("JSON");
        let backend = &info["info"]["backend"];
        let expected =
            format!("in sets of {} drives with EC:{};", backend["totalDrivesPerSet"][0], backend["standardSCParity"]);
        let (_, plan) = bed.plan(&[("pool-0", shape)], &["--add-pool", shape], SECRET);
        let effect = plan["steps"][0]["effect"].as_str().unwrap_or_default();
        assert!(effect.contains(&expected), "{shape}: the server: {expected}; the plan: {plan}");
    }
}
