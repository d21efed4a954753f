//! Texts of others on the user's terminal: signs that would steer it are shown, not obeyed.

/// The text with control characters, and those that turn the direction of writing, as `\u{1b}`; lines and tabs stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_steered() {
        assert_eq!(visible("ä\tb\nc"), "ä\tb\nc");
        assert_eq!(visible("a\u{1b}[31m\u{7}\r\u{9b}"), "a\\u{1b}[31m\\u{7}\\u{d}\\u{9b}");
        assert_eq!(visible("\u{202e}txt"), "\\u{202e}txt");
    }
}
