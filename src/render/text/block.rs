//! Blocks: stretches of the page that give way to each other, so that all of it is one screen.

/// The lines of a screen. What was asked for beyond, by `--rows`, is not held against it.
pub(super) const SCREEN: usize = 45;

/// A stretch of the page. Its items stand there whole, or are counted as left out.
#[derive(Default)]
pub(super) struct Block {
    /// What stands above the items, if any of them does.
    head: Vec<String>,
    /// The lines of each item, the most important one first.
    items: Vec<Vec<String>>,
    /// What stands below the items.
    foot: Vec<String>,
    /// How many items stand there, however little room there is.
    least: usize,
    /// Whether its lines are held against the screen.
    counted: bool,
    /// Whether a blank line comes before.
    apart: bool,
    /// Says how many items are left out; nothing, if that goes without saying.
    more: Option<Box<dyn Fn(u64) -> String>>,
    /// How many more there are that are no item.
    untold: u64,
}

impl Block {
    /// Makes a block of items that give way but for the first `least`.
    pub(super) fn of(items: Vec<Vec<String>>, least: usize) -> Self {
        Self {
            items,
            least,
            counted: true,
            apart: true,
            ..Self::default()
        }
    }

    /// Makes a block that gives way to nothing.
    pub(super) fn whole(lines: Vec<String>) -> Self {
        Self::of(
            lines.into_iter().map(|line| vec![line]).collect(),
            usize::MAX,
        )
    }

    pub(super) fn under(self, head: Vec<String>) -> Self {
        Self { head, ..self }
    }

    pub(super) fn over(self, foot: Vec<String>) -> Self {
        Self { foot, ..self }
    }

    pub(super) fn saying(self, more: impl Fn(u64) -> String + 'static) -> Self {
        Self {
            more: Some(Box::new(more)),
            ..self
        }
    }

    /// Takes note that there is more than there are items.
    pub(super) fn leaving(self, untold: u64) -> Self {
        Self { untold, ..self }
    }

    /// Lets it follow on what comes before.
    pub(super) fn close(self) -> Self {
        Self {
            apart: false,
            ..self
        }
    }

    /// Lets it be as long as it is.
    pub(super) fn uncounted(self) -> Self {
        Self {
            counted: false,
            least: usize::MAX,
            ..self
        }
    }

    /// Returns how many lines it takes with so many items.
    fn lines(&self, items: usize) -> usize {
        let shown: usize = self.items.iter().take(items).map(Vec::len).sum();
        if shown == 0 && self.items.iter().any(|item| !item.is_empty()) {
            return 0;
        }
        if shown + self.foot.len() == 0 {
            return 0;
        }
        let more = usize::from(self.left(items) > 0 && self.more.is_some());
        usize::from(self.apart) + self.head.len() + shown + more + self.foot.len()
    }

    fn left(&self, items: usize) -> u64 {
        self.untold + self.items.len().saturating_sub(items) as u64
    }

    fn write(self, items: usize, text: &mut String) {
        if self.lines(items) == 0 {
            return;
        }
        let left = self.left(items);
        let more = self.more.filter(|_| left > 0).map(|more| more(left));
        let blank = (self.apart && !text.is_empty()).then(String::new);
        let shown = self.items.into_iter().take(items).flatten();
        let lines = blank.into_iter().chain(self.head).chain(shown);
        for line in lines.chain(more).chain(self.foot) {
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// Writes blocks one below the other, each with as many of its items as the screen has room for: all get their least, and
/// then, in turn, as many more as fit: `turns` are numbers of blocks, each with the most lines it may have after that turn.
pub(super) fn page(blocks: Vec<Block>, turns: &[(usize, usize)]) -> String {
    let mut items: Vec<usize> = blocks
        .iter()
        .map(|block| block.least.min(block.items.len()))
        .collect();
    let counted = |at: usize, items: usize| match blocks[at].counted {
        true => blocks[at].lines(items),
        false => 0,
    };
    // Above the first block there is no blank line.
    let mut taken: usize = (0..blocks.len()).map(|at| counted(at, items[at])).sum();
    taken = taken.saturating_sub(1);
    for &(at, most_lines) in turns {
        let before = counted(at, items[at]);
        let fits = |number: &usize| {
            let lines = counted(at, *number);
            lines <= most_lines.max(before) && taken - before + lines <= SCREEN
        };
        let most = (items[at]..=blocks[at].items.len()).rev().find(fits);
        let most = most.unwrap_or(items[at]);
        taken = taken - before + counted(at, most);
        items[at] = most;
    }
    let mut text = String::new();
    for (block, items) in blocks.into_iter().zip(items) {
        block.write(items, &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, number: usize) -> Vec<Vec<String>> {
        (0..number).map(|at| vec![format!("{name}{at}")]).collect()
    }

    #[test]
    fn blocks_give_way_in_order() {
        let blocks = || {
            vec![
                Block::whole(vec!["answer".to_owned()]),
                Block::of(lines("map", 60), 2)
                    .under(vec!["head".to_owned()])
                    .saying(|left| format!("and {left}")),
                Block::of(lines("row", 60), 1).close(),
            ]
        };
        let text = page(blocks(), &[(1, SCREEN), (2, SCREEN)]);
        assert_eq!(text.lines().count(), SCREEN);
        assert!(text.starts_with("answer\n\nhead\nmap0\nmap1\n"), "{text}");
        // One line each: the answer, a blank one, the head, what is left out, the one row.
        assert!(
            text.ends_with(&format!("map39\nand {}\nrow0\n", 60 - 40)),
            "{text}"
        );
        let text = page(blocks(), &[(2, SCREEN), (1, SCREEN)]);
        assert!(text.contains("map1\nand 58\nrow0\nrow1\n"), "{text}");
        assert_eq!(text.lines().count(), SCREEN);
        // A few rows, the map, and what is left to the rows.
        let text = page(blocks(), &[(2, 5), (1, 20), (2, SCREEN)]);
        assert!(text.contains("map16\nand 43\nrow0\n"), "{text}");
        assert_eq!(text.lines().count(), SCREEN);
    }

    #[test]
    fn what_is_asked_for_is_all_there() {
        let blocks = vec![
            Block::of(lines("map", 60), 2),
            Block::of(lines("row", 60), 1).uncounted(),
            Block::of(lines("note", 60), 0),
        ];
        let text = page(blocks, &[(2, SCREEN), (0, SCREEN)]);
        assert_eq!(text.matches("row").count(), 60);
        assert!(text.starts_with("map0\nmap1\n\nrow0"));
        assert_eq!(text.lines().count(), 61 + SCREEN);
        assert_eq!(page(vec![Block::of(Vec::new(), 1)], &[(0, SCREEN)]), "");
    }
}
