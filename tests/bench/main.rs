//! `make bench`: what the plugin costs, as ratios to floors measured in the same run.

mod audit;
mod backup;
mod connection;
mod measure;
mod objects;
mod scripted;

use anyhow::{Context as _, bail};
use connection::Server;
use mlops_tests::Result;
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::proxy::Proxy;
use mlops_tests::users::User;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Pods on the real API server.
const PODS: usize = 10_000;
/// Pods of the scripted one.
const MANY: usize = 50_000;
/// Connections at a time, as the plugin opens them.
const AT_A_TIME: usize = 8;
const STARTS: usize = 40;
const ROUNDS: usize = 7;
/// Health of a cluster with crashing pods.
const FINDINGS: &[i32] = &[1];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn run() -> Result<()> {
    let usage = "usage: bench PATH-OF-kubectl-mlops-health [start-up|memory|speed|audit|backup]";
    let health = PathBuf::from(std::env::args_os().nth(1).context(usage)?);
    let part = std::env::args().nth(2);
    let wants = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wants("memory") {
        many_pods(&health)?;
        backup::many_objects(&backup::beside(&health))?;
    }
    if wants("audit") {
        audit::run(&health.with_file_name("kubectl-mlops-audit"))?;
    }
    if wants("backup") {
        backup::run(&backup::beside(&health))?;
    }
    if !wants("start-up") && !wants("speed") {
        return Ok(());
    }
    let plane = ControlPlane::start(&Parts::api_server())?;
    if wants("start-up") {
        start_up(&health, plane.kubectl_program())?;
    }
    if wants("speed") { real_cluster(&health, &plane) } else { Ok(()) }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn ratio(one: Duration, floor: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / floor.as_secs_f64())
}

/// A command of nobody's settings.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", "/nonexistent").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn start_up(health: &Path, kubectl: &Path) -> Result<()> {
    let (mut ours, mut theirs, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(measure::time(bare(health).arg("--help"), &[0])?);
        theirs.push(measure::time(bare(kubectl).args(["version", "--client"]), &[0])?);
        first.push(first_request(health)?);
    }
    let (ours, theirs, first) = (measure::median(ours)?, measure::median(theirs)?, measure::median(first)?);
    say(&format!("start-up (median of {STARTS}, whole process)"));
    say(&format!("  health --help              {:>10}", milliseconds(ours)));
    say(&format!("  kubectl version --client   {:>10}   ratio {}", milliseconds(theirs), ratio(ours, theirs)));
    say(&format!("  health, to the first connection it makes {}", milliseconds(first)));
    Ok(())
}

/// From the start of the process until its connection is accepted.
fn first_request(health: &Path) -> Result<Duration> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let server = format!("http://{}", listener.local_addr()?);
    let mut command = bare(health);
    command.args(["--server", &server]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let accepted = listener.accept();
    let took = start.elapsed();
    child.kill()?;
    child.wait()?;
    accepted?;
    Ok(took)
}

fn many_pods(health: &Path) -> Result<()> {
    let server = scripted::start(MANY)?;
    for format in ["json", "table"] {
        let peak = measure::peak_memory(bare(health).args(["--server", &server, "-o", format]), FINDINGS)?;
        say(&format!("memory at {MANY} pods (scripted server), -o {format}: {:.1} MB at most", peak as f64 / 1e6));
    }
    Ok(())
}

fn real_cluster(health: &Path, plane: &ControlPlane) -> Result<()> {
    let users = plane.users()?;
    let server = Server::new(plane.address()?, &plane.authority()?.file(), users.token(User::Admin))?;
    let start = Instant::now();
    load(&server)?;
    let created = start.elapsed();
    say(&format!("{PODS} pods made in {:.0} s", created.as_secs_f64()));
    let lists = asked_for(
        |config| {
            let mut command = bare(health);
            command.args(["-o", "json", "--kubeconfig"]).arg(config);
            (command, FINDINGS)
        },
        plane,
    )?;
    let config = plane.kubeconfig(User::Admin)?;
    let ours = || {
        let mut command = bare(health);
        command.args(["-o", "json", "--kubeconfig"]).arg(&config);
        command
    };
    let guide = || {
        let mut command = Command::new("bash");
        command.args(["-c", GUIDE]).env("KUBECONFIG", &config).env("KUBECTL", plane.kubectl_program());
        command
    };
    let (mut us, mut raw, mut script) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        bytes = fetch(&server, AT_A_TIME, &lists)?;
        raw.push(start.elapsed());
        us.push(measure::time(&mut ours(), FINDINGS)?);
        script.push(measure::time(&mut guide(), &[0])?);
    }
    let (us, raw, script) = (measure::median(us)?, measure::median(raw)?, measure::median(script)?);
    say(&format!(
        "{PODS} pods on a real API server (median of {ROUNDS}; {} lists, {:.1} MB)",
        lists.len(),
        bytes as f64 / 1e6
    ));
    say(&format!("  health -o json             {:>10}", milliseconds(us)));
    say(&format!("  the same pages, raw        {:>10}   ratio {}", milliseconds(raw), ratio(us, raw)));
    say(&format!("  the guide's script         {:>10}   ratio {}", milliseconds(script), ratio(us, script)));
    let peak = measure::peak_memory(&mut ours(), FINDINGS)?;
    say(&format!("  health, memory at most     {:>7.1} MB", peak as f64 / 1e6));
    backup::real_cluster(&backup::beside(health), &server, plane)
}

/// What the operations guide runs to see whether the platform is well, without its pictures.
const GUIDE: &str = r#"
"$KUBECTL" get namespaces | grep -E "(platform-operators|data-plane|orchestration|ml-lifecycle|processing-jobs|flux-system)"
"$KUBECTL" get deployments -n platform-operators --no-headers | while read -r name ready rest; do echo "$name $ready"; done
for namespace in platform-operators data-plane flux-system; do
  "$KUBECTL" get pods -n "$namespace" --no-headers | while read -r name ready status rest; do
    if [[ "$status" == "Running" ]]; then echo "ok $name"; else echo "bad $name"; fi
  done
done
"#;

/// Creates the objects and writes their statuses, over a few connections.
fn load(server: &Server) -> Result<()> {
    let around = objects::around(PODS);
    each(server, around.len(), |connection, index| {
        let (path, object) = &around[index];
        create(connection, path, object)
    })?;
    each(server, PODS, |connection, index| {
        let (path, object) = objects::pod(index);
        create(connection, &path, &object)
    })
}

fn create(connection: &mut connection::Connection, path: &str, object: &serde_json::Value) -> Result<()> {
    let (status, answer) = connection.exchange("POST", path, "application/json", object.to_string().as_bytes())?;
    if status != 201 {
        bail!("POST {path}: {status} {}", String::from_utf8_lossy(&answer));
    }
    let Some(wanted) = object.get("status") else { return Ok(()) };
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let change = json!({"status": wanted}).to_string();
    let path = format!("{path}/{name}/status");
    let (status, answer) = connection.exchange("PATCH", &path, "application/json", change.as_bytes())?;
    if status != 200 {
        bail!("PATCH {path}: {status} {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// Calls `work` for each index, spread over [`AT_A_TIME`] connections.
fn each(
    server: &Server,
    count: usize,
    work: impl Fn(&mut connection::Connection, usize) -> Result<()> + Sync,
) -> Result<()> {
    each_over(server, AT_A_TIME, count, work)
}

/// As [`each`], over so many connections.
fn each_over(
    server: &Server,
    connections: usize,
    count: usize,
    work: impl Fn(&mut connection::Connection, usize) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..connections.min(count) {
            scope.spawn(|| {
                let outcome = (|| {
                    let mut connection = server.connect()?;
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count {
                            return Ok(());
                        }
                        work(&mut connection, index)?;
                    }
                })();
                if let (Err(error), Ok(mut failed)) = (outcome, failed.lock()) {
                    failed.get_or_insert(error);
                }
            });
        }
    });
    failed.into_inner().ok().flatten().map_or(Ok(()), Err)
}

/// A list that a command asked for.
struct Asked {
    accept: String,
    /// Paths of its pages, in their order and without tokens: a page may be asked for with another limit than the one
    /// before it.
    pages: Vec<String>,
}

/// The lists that a command asks for, given a kubeconfig and ending with one of these codes.
fn asked_for(command: impl FnOnce(&Path) -> (Command, &'static [i32]), plane: &ControlPlane) -> Result<Vec<Asked>> {
    let proxy = Proxy::start(plane)?;
    let (mut command, expected) = command(&proxy.kubeconfig(User::Admin)?);
    measure::time(&mut command, expected)?;
    let mut lists: BTreeMap<String, Asked> = BTreeMap::new();
    for request in proxy.requests().into_iter().filter(|request| request.target.contains("limit=")) {
        let page = request.target.split("&continue=").next().unwrap_or_default().to_owned();
        let list = lists.entry(request.path().to_owned());
        list.or_insert_with(|| Asked { accept: request.accept, pages: Vec::new() }).pages.push(page);
    }
    if lists.is_empty() {
        bail!("the plugin asked for no list");
    }
    Ok(lists.into_values().collect())
}

/// Fetches these lists to the end, over so many connections, and throws them away; the bytes of the bodies.
fn fetch(server: &Server, connections: usize, lists: &[Asked]) -> Result<usize> {
    let total = AtomicUsize::new(0);
    each_over(server, connections, lists.len(), |connection, index| {
        let Asked { accept, pages } = &lists[index];
        let mut tokens = String::new();
        for (number, page) in pages.iter().enumerate() {
            let (status, body) = connection.exchange("GET", &format!("{page}{tokens}"), accept, b"")?;
            if status != 200 {
                bail!("GET {page}: {status}");
            }
            total.fetch_add(body.len(), Ordering::Relaxed);
            match token(&body) {
                Some(token) => tokens = format!("&continue={token}"),
                None if number + 1 == pages.len() => return Ok(()),
                None => bail!("{page} ended after {} pages, not {}", number + 1, pages.len()),
            }
        }
        bail!("a list has more pages than the plugin asked for")
    })?;
    Ok(total.into_inner())
}

/// The continue token of a page, which stands before its items. Its alphabet needs no escaping.
fn token(body: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"continue\":\"";
    let head = &body[..body.len().min(1000)];
    let start = head.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let token = head[start..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(token).ok().filter(|token| !token.is_empty())
}
