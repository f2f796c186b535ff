//! `framecast doctor`.

use super::answer::answer;
use clap::Args;
use framecast::doctor::Diagnosis;
use framecast::media::HardwareReport;
use framecast::model::{NvidiaCard, ProviderReport};
use std::path::PathBuf;

/// Says what this machine has for framecast, what of it works, and what to do about the rest.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Writes one JSON object instead of text [default: off]
    #[arg(long)]
    json: bool,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
}

/// Tells it on standard output; returns the exit code: 5 if no network can run.
pub(super) fn doctor(arguments: &DoctorArgs) -> u8 {
    let diagnosis = Diagnosis::new(arguments.ort_lib.as_deref());
    let text = if arguments.json {
        serde_json::to_string_pretty(&diagnosis).unwrap_or_default() + "\n"
    } else {
        lines(&diagnosis).join("\n") + "\n"
    };
    answer(&text, if diagnosis.is_usable() { 0 } else { 5 })
}

fn lines(diagnosis: &Diagnosis) -> Vec<String> {
    let Diagnosis { version, system, cores, instructions, ffmpeg, onnx_runtime, providers, nvidia, .. } =
        diagnosis;
    let mut lines = vec![
        format!("framecast {version} on {system}, {cores} cores ({})", instructions.join(" ")),
        format!(
            "FFmpeg: {}",
            ffmpeg.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
        ),
    ];
    lines.push(match (&onnx_runtime.library, &onnx_runtime.version, &onnx_runtime.problem) {
        (_, _, Some(problem)) => format!("ONNX Runtime does not work: {problem}"),
        (Some(library), Some(version), _) => format!("ONNX Runtime: {} ({version})", library.display()),
        _ => "ONNX Runtime: given by the program".into(),
    });
    lines.push(String::new());
    lines.push("where networks can run (--device):".into());
    lines.extend(providers.iter().flat_map(provider_lines));
    lines.push(String::new());
    lines.push("NVIDIA cards:".into());
    lines.extend(nvidia.iter().map(card_line));
    lines.extend(diagnosis.nvidia_problem.iter().map(|problem| format!("  none: {problem}")));
    #[cfg(feature = "gpu")]
    lines.extend(adapter_lines(&diagnosis.adapters));
    lines.push(String::new());
    lines.push("FFmpeg's codecs in hardware (--hwaccel, --codec):".into());
    lines.extend(diagnosis.hardware.iter().flat_map(hardware_lines));
    lines
}

fn hardware_lines(report: &HardwareReport) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:13} {}",
        report.name,
        if report.working { "can be opened" } else { "cannot be opened" }
    )];
    let mut add = |line: String| lines.push(format!("  {:13}   {line}", ""));
    match (&report.problem, report.remedy) {
        (Some(problem), remedy) => {
            add(problem.clone());
            remedy.into_iter().for_each(|remedy| add(remedy.to_owned()));
        }
        (None, _) => {
            let lists = [("decoders", &report.decoders), ("encoders", &report.encoders)];
            for (what, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
                add(format!("{what} {}", names.join(", ")));
            }
        }
    }
    lines
}

fn provider_lines(report: &ProviderReport) -> Vec<String> {
    let state = match (report.working, report.loaded) {
        (true, _) => "works",
        (false, true) => "does not work",
        (false, false) => "is not there",
    };
    let times: Vec<String> =
        report.milliseconds.iter().map(|(precision, time)| format!("{precision} {time:.1} ms")).collect();
    let nodes = report.nodes.map(|(nodes, all)| format!("{nodes} of {all} nodes"));
    let devices = (!report.devices.is_empty()).then(|| format!("devices {}", report.devices.join(", ")));
    let facts: Vec<String> = times.into_iter().chain(nodes).chain(devices).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
    let mut lines = vec![format!("  {:13} {state}{facts}", report.device)];
    lines.extend(report.problem.iter().map(|problem| format!("  {:13}   {problem}", "")));
    lines.extend(report.remedy.iter().map(|remedy| format!("  {:13}   {remedy}", "")));
    lines
}

fn card_line(card: &NvidiaCard) -> String {
    let (major, minor) = card.compute_capability;
    let gibibytes = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    format!(
        "  {}: {}, compute capability {major}.{minor}, {:.1} of {:.1} GiB in use, driver {}",
        card.index,
        card.name,
        gibibytes(card.memory_used),
        gibibytes(card.memory),
        card.driver
    )
}

#[cfg(feature = "gpu")]
fn adapter_lines(adapters: &[framecast::kernel::gpu::AdapterReport]) -> Vec<String> {
    let mut lines = vec![String::new(), "adapters for pixel work (--kernels gpu):".into()];
    if adapters.is_empty() {
        lines.push(
            "  none: install a Vulkan driver (the package mesa-vulkan-drivers, or the card's own)".into(),
        );
    }
    lines.extend(adapters.iter().map(|adapter| {
        let fp16 = if adapter.fp16 { "fp16" } else { "no fp16" };
        format!("  {} ({}, {}, {fp16}; {})", adapter.name, adapter.interface, adapter.kind, adapter.driver)
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ProviderReport {
        ProviderReport {
            device: "openvino".into(),
            library: None,
            loaded: true,
            devices: vec!["cpu"],
            working: true,
            nodes: Some((11, 11)),
            milliseconds: vec![("bf16", 1.23), ("fp32", 4.56)],
            problem: None,
            remedy: None,
        }
    }

    #[test]
    fn a_provider_that_works_is_told_with_its_figures() {
        let expected = "  openvino      works: bf16 1.2 ms, fp32 4.6 ms, 11 of 11 nodes, devices cpu";
        assert_eq!(provider_lines(&report()), [expected]);
    }

    #[test]
    fn codecs_in_hardware_are_listed_where_the_device_works_else_what_helps() {
        let works = HardwareReport {
            name: "cuda",
            working: true,
            problem: None,
            remedy: None,
            decoders: vec!["h264", "hevc"],
            encoders: vec!["h264_nvenc"],
        };
        assert_eq!(
            hardware_lines(&works),
            [
                "  cuda          can be opened",
                "                  decoders h264, hevc",
                "                  encoders h264_nvenc"
            ]
        );
        let broken =
            HardwareReport { working: false, problem: Some("no".into()), remedy: Some("driver"), ..works };
        assert_eq!(
            hardware_lines(&broken),
            ["  cuda          cannot be opened", "                  no", "                  driver"]
        );
    }

    #[test]
    fn a_provider_that_does_not_work_is_told_with_reason_and_remedy() {
        let broken = ProviderReport {
            working: false,
            nodes: None,
            milliseconds: Vec::new(),
            devices: Vec::new(),
            problem: Some("it offers no device".into()),
            remedy: Some("install a driver".into()),
            ..report()
        };
        let lines = provider_lines(&broken);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].contains("does not work")
                && lines[1].contains("no device")
                && lines[2].contains("driver")
        );
    }
}
