//! Breaking long lines without cutting anything.

/// Breaks text into lines of at most `width` characters, the first after `first`, the others after
/// `rest`. Breaks at spaces; a word too long for a line breaks after a `/`, and a piece too long
/// even then stands whole on a line of its own.
pub(crate) fn wrap(first: &str, rest: &str, text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for (piece, spaced) in pieces(text, width.saturating_sub(rest.chars().count())) {
        let space = usize::from(spaced && !empty);
        if !empty && line.chars().count() + space + piece.chars().count() > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
        } else if space == 1 {
            line.push(' ');
        }
        line.push_str(piece);
        empty = false;
    }
    lines.push(line);
    lines
}

/// Splits into words, and words longer than `room` after each `/`. The flag tells whether a space
/// came before.
fn pieces(text: &str, room: usize) -> impl Iterator<Item = (&str, bool)> {
    text.split(' ').flat_map(move |word| {
        let long = word.chars().count() > room;
        word.split_inclusive(move |c| long && c == '/')
            .enumerate()
            .map(|(index, piece)| (piece, index == 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_spaces() {
        assert_eq!(
            wrap("a: ", "   ", "one two three", 10),
            ["a: one two", "   three"]
        );
        assert_eq!(wrap("", "", "", 10), [""]);
    }

    #[test]
    fn long_words_break_after_slashes_and_are_never_cut() {
        assert_eq!(
            wrap(
                "in ",
                "   ",
                "AWSLogs/1/vpcflowlogs/x_20220107T2325Z.gz",
                16
            ),
            ["in AWSLogs/1/", "   vpcflowlogs/", "   x_20220107T2325Z.gz"]
        );
    }

    #[test]
    fn nothing_is_lost() {
        let text = "s3://bucket/a/very/long/prefix and words/with/slashes//twice";
        for width in 1..70 {
            let lines = wrap("", "", text, width);
            assert_eq!(
                lines.concat().replace(' ', ""),
                text.replace(' ', ""),
                "{width}"
            );
        }
    }
}
