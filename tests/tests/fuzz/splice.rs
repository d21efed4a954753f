//! Texts of the corpus, cut, spliced and mutated.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::corpus::tokens;
use super::hostile;

/// One change of a list of tokens.
#[derive(Clone, Debug)]
enum Change {
    Delete(Index),
    /// Deletes a stretch.
    Cut(Index, Index),
    Double(Index),
    Swap(Index, Index),
    /// Another text's token.
    Borrow(Index, Index, Index),
    /// All that follows comes from another text.
    Cross(Index, Index, Index),
    /// A stretch of another text goes in here, in parentheses or not.
    Insert(Index, Index, Index, Index, bool),
    /// A token that means harm.
    Harm(Index, String),
    /// A character.
    Letter(Index, char),
}

/// A text and what is done to it.
#[derive(Clone, Debug)]
pub(super) struct Mutation {
    text: Index,
    changes: Vec<Change>,
}

pub(super) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    let change = prop_oneof![
        2 => at().prop_map(Change::Delete),
        1 => (at(), at()).prop_map(|(a, b)| Change::Cut(a, b)),
        1 => at().prop_map(Change::Double),
        2 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        4 => (at(), at(), at()).prop_map(|(a, b, c)| Change::Borrow(a, b, c)),
        2 => (at(), at(), at()).prop_map(|(a, b, c)| Change::Cross(a, b, c)),
        2 => (at(), at(), at(), at(), any::<bool>()).prop_map(|(a, b, c, d, e)| Change::Insert(a, b, c, d, e)),
        4 => (at(), hostile::token()).prop_map(|(a, token)| Change::Harm(a, token)),
        1 => (at(), any::<char>()).prop_map(|(a, letter)| Change::Letter(a, letter)),
    ];
    (any::<Index>(), vec(change, 0..5)).prop_map(|(text, changes)| Mutation { text, changes })
}

impl Mutation {
    pub(super) fn sql(&self, corpus: &[String]) -> String {
        let of = |index: &Index| tokens(&corpus[index.index(corpus.len())]);
        let mut now: Vec<String> = of(&self.text).into_iter().map(str::to_owned).collect();
        for change in &self.changes {
            if now.is_empty() {
                break;
            }
            let length = now.len();
            let at = |index: &Index| index.index(length);
            match change {
                Change::Delete(a) => drop(now.remove(at(a))),
                Change::Cut(a, b) => {
                    let (from, to) = (at(a).min(at(b)), at(a).max(at(b)));
                    now.drain(from..to);
                }
                Change::Double(a) => now.insert(at(a), now[at(a)].clone()),
                Change::Swap(a, b) => now.swap(at(a), at(b)),
                Change::Borrow(a, text, b) => {
                    let other = of(text);
                    other[b.index(other.len())].clone_into(&mut now[at(a)]);
                }
                Change::Cross(a, text, b) => {
                    let other = of(text);
                    let rest = other[b.index(other.len())..].iter().map(|&token| token.to_owned());
                    now = now[..at(a)].iter().cloned().chain(rest).collect();
                }
                Change::Insert(a, text, b, c, wrapped) => {
                    let other = of(text);
                    let (b, c) = (b.index(other.len()), c.index(other.len()));
                    let piece = other[b.min(c)..b.max(c)].concat();
                    now.insert(at(a), if *wrapped { format!("({piece})") } else { piece });
                }
                Change::Harm(a, token) => now[at(a)].clone_from(token),
                Change::Letter(a, letter) => now[at(a)].push(*letter),
            }
        }
        now.concat()
    }
}
