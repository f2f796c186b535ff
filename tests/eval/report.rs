//! `--html`: one file that needs nothing else.

use super::eval;
use super::pictures::colour;
use super::support::{clip, outcome, scratch};

#[test]
fn the_report_holds_tables_plots_and_pictures_and_refers_to_nothing_outside() {
    let folder = scratch();
    let (pictures, report) = (folder.path().join("set"), folder.path().join("report.html"));
    std::fs::create_dir(&pictures).unwrap();
    colour(&pictures.join("a<b>.png"), 96, 80);
    colour(&pictures.join("c.png"), 90, 64);
    let video =
        clip("three.mkv", "-f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 3 -pix_fmt yuv420p -c:v ffv1");
    std::fs::copy(video, pictures.join("film.mkv")).unwrap();
    let mut command = eval("--timing-size 32x32 --threads 2 --samples 2 --html");
    let result = outcome(command.arg(&report).arg("--reference").arg(&pictures));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let html = std::fs::read_to_string(&report).unwrap();
    for outside in ["http:", "https:", "src=", "href=", "@import"] {
        assert!(!html.contains(outside), "{outside} in the report");
    }
    assert!(!html.contains("a<b>") && html.contains("a&lt;b&gt;.png"));
    // Reference and five methods of two items; none of the third.
    assert_eq!(html.matches("url(data:image/png;base64,").count(), 12);
    // Against time, over items, over the frames of the clip.
    assert_eq!(html.matches("<svg class=\"plot\"").count(), 3);
    assert_eq!(html.matches("<th scope=\"row\">").count(), 5);
    assert_eq!(html.matches("type=\"range\"").count(), 8);
    assert!(html.contains("prefers-color-scheme:dark"));
    assert!(html.contains("class=\"level"), "the interpolations are lines in the plot against time");
    // The data of a picture may hold any letters.
    let texts = html.split("base64,").map(|part| part.split_once(')').map_or(part, |(_, after)| after));
    assert!(texts.into_iter().all(|text| !text.contains("NaN")));
}
