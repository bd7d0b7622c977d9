//! The XML of answers: texts of elements, with the names that lead to them.

use quick_xml::Reader;
use quick_xml::events::Event;

/// No answer is nested so deep.
const DEPTH: usize = 16;

/// Hands on the text of each element, with its name and those around it, the outermost first. `None` where it is no XML.
pub(super) fn texts(body: &[u8], each: &mut dyn FnMut(&[&str], &str)) -> Option<()> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let (mut path, mut text): (Vec<String>, String) = Default::default();
    let mut hand_on = |path: &[String], text: &str| {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        each(&names, text);
    };
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if path.len() < DEPTH => {
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Start(_) => return None,
            Event::Empty(start) => {
                path.push(start.local_name().as_ref().to_owned());
                hand_on(&path, "");
                path.pop();
            }
            Event::End(_) => {
                hand_on(&path, &text);
                path.pop();
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => text.push(match reference.resolve_char_ref().ok()? {
                Some(letter) => letter,
                None => match &*reference.xml10_content() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => return None,
                },
            }),
            Event::Eof => return path.is_empty().then_some(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::texts;

    fn all(body: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        texts(body.as_bytes(), &mut |path, text| found.push((path.join("/"), text.to_owned())))?;
        Some(found)
    }

    #[test]
    fn texts_come_with_the_names_around_them() {
        let body =
            "<?xml version=\"1.0\"?>\n<A xmlns=\"urn:x\"><B><K>a&amp;b &#x263A;</K><E/></B><!-- no --><K>x</K></A>\n";
        let found = all(body).expect("XML");
        let of = |path: &str| found.iter().find(|(known, _)| known == path).map(|(_, text)| text.as_str());
        assert_eq!((of("A/B/K"), of("A/B/E"), of("A/K")), (Some("a&b \u{263a}"), Some(""), Some("x")));
    }

    #[test]
    fn what_is_no_xml_or_refers_to_anything_is_none() {
        let deep = "<a>".repeat(100_000);
        for body in ["", "<a>", "<a></b>", "<a>&file;</a>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", &deep] {
            assert!(all(body).is_none_or(|found| found.is_empty()), "{body:.40}");
        }
        assert!(texts(b"<a>\xff</a>", &mut |_, _| ()).is_none());
    }
}
