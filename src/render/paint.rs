//! Colour, where the caller wants it.

/// Whether to colour. The caller decides, by `--color`, `NO_COLOR` and whether a terminal reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// With ANSI escapes.
    Always,
    /// Plain.
    #[default]
    Never,
}

/// What a piece of text is, which decides how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Good,
    Bad,
    Doubtful,
    Heading,
    Aside,
    /// What only the S3 side has.
    S3,
    /// What only the CloudWatch side has.
    Cwl,
}

impl Ink {
    /// Returns the escape's parameters. Colours are of the 256, which themes leave as they are, and are read on black as
    /// on white; blue and orange, which also those tell apart who do not see red and green.
    fn code(self) -> &'static str {
        match self {
            Self::Good => "1;38;5;28",
            Self::Bad => "1;38;5;160",
            Self::Doubtful => "1;38;5;130",
            Self::Heading => "1",
            Self::Aside => "38;5;243",
            Self::S3 => "1;38;5;32",
            Self::Cwl => "1;38;5;166",
        }
    }
}

impl Paint {
    /// Returns the text in that ink; as it is where there is no colour.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        match self {
            Self::Always => format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()),
            Self::Never => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of one of the 256 colours (xterm's cube and greys; WCAG 2.2, "relative luminance").
    fn luminance(colour: u32) -> f64 {
        let cube = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
        let [r, g, b] = match colour {
            232.. => [8 + 10 * (colour - 232); 3],
            _ => [(colour - 16) / 36, (colour - 16) / 6 % 6, (colour - 16) % 6].map(cube),
        };
        let linear = |channel: u32| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn colours_are_read_on_black_and_on_white() {
        for ink in [
            Ink::Good,
            Ink::Bad,
            Ink::Doubtful,
            Ink::Aside,
            Ink::S3,
            Ink::Cwl,
        ] {
            let code = ink.code();
            let (_, colour) = code.split_once("38;5;").unwrap();
            let light = luminance(colour.parse().unwrap());
            let (on_white, on_black) = (1.05 / (light + 0.05), (light + 0.05) / 0.05);
            // Of large or bold text WCAG asks for 3.
            assert!(
                on_white >= 3.5 && on_black >= 3.5,
                "{ink:?}: {on_white:.1} {on_black:.1}"
            );
        }
    }
}
