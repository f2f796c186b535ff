//! Ctrl-C while a model is fetched.

use crate::home::{Home, NETWORK, sha256};
use crate::server::{Manner, Server};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

/// Sends SIGINT and checks that the program ends as one that was interrupted.
fn interrupt(mut child: Child, home: &Home) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    home.assert_no_models();
}

#[test]
fn a_download_that_is_interrupted_leaves_nothing_behind() {
    let home = Home::new();
    let server = Server::start(std::fs::read(NETWORK).unwrap(), Manner::Stalls);
    let manifest =
        home.manifest(&format!("kind = \"url\"\nurl = \"{}\"\nsha256 = \"{}\"", server.url, sha256(NETWORK)));
    let child = home.program(&["models", "pull", &manifest]).stderr(Stdio::null()).spawn().unwrap();
    let _connection = server.held.recv().unwrap();
    interrupt(child, &home);
}

#[test]
fn a_fetching_tool_ends_with_the_program() {
    let home = Home::new();
    // Stands in for Python: tells its process and then hangs.
    let (tools, told) = (home.path("tools"), home.path("told"));
    std::fs::create_dir(&tools).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--version) exit 0;; esac\necho $$ >{}\nexec tail -f /dev/null\n",
        told.display()
    );
    std::fs::write(tools.join("python3"), script).unwrap();
    std::fs::set_permissions(tools.join("python3"), Permissions::from_mode(0o755)).unwrap();
    // A pipe, so that reading waits for the tool.
    assert!(Command::new("mkfifo").arg(&told).status().unwrap().success());
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let manifest = home.manifest("kind = \"pip\"\npackage = \"a\"\nversion = \"1\"\nsha256 = \"00\"");
    let mut command = home.program(&["models", "pull", &manifest]);
    let child = command.env("PATH", path).stderr(Stdio::null()).spawn().unwrap();
    let tool = std::fs::read_to_string(&told).unwrap();
    interrupt(child, &home);
    let alive = Command::new("kill").args(["-0", tool.trim()]).stderr(Stdio::null()).status().unwrap();
    assert!(!alive.success(), "the tool goes on");
}
