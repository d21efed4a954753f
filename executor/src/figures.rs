//! What a query took, in public quantities.

use serde::{Deserialize, Serialize};

/// What one seat's part of a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How often it sent and then waited for an answer.
    pub rounds: u64,
    /// Bytes sent to all parties.
    pub sent_bytes: u64,
}

/// What a party tells the analyst when all are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The nonces of all parties, hexadecimal: with the request they make the query id.
    pub(crate) nonces: Vec<String>,
    /// What all parties agree on, part by part, hexadecimal: the analyst's own plan must give the same.
    pub(crate) agreement: String,
    /// What it took.
    pub(crate) figures: Figures,
    /// What each node of the plan took in the secure core, as [`nodes_to_text`] writes it; nothing at an owner without a
    /// seat.
    pub(crate) nodes: String,
}

/// A text of one length, whatever the numbers are: for each node rounds and bytes, each 8 bytes, little-endian,
/// hexadecimal.
pub(crate) fn nodes_to_text(nodes: &[Figures]) -> String {
    let numbers = nodes.iter().flat_map(|figures| [figures.rounds, figures.sent_bytes]);
    hex::encode(numbers.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
}

/// Reads what [`nodes_to_text`] wrote; nothing from another text.
pub(crate) fn nodes_from_text(text: &str) -> Vec<Figures> {
    let bytes = hex::decode(text).unwrap_or_default();
    let numbers: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
    let (nodes, _) = numbers.as_chunks::<2>();
    nodes.iter().map(|&[rounds, sent_bytes]| Figures { rounds, sent_bytes }).collect()
}

/// How far the secure stage has come, as seat 0 tells the analyst: public quantities, in a message of one length.
///
/// On the wire: node, iteration, number of iterations (0: none), rounds, sent bytes; each 8 bytes, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The node of the plan that has begun.
    pub(crate) node: u64,
    /// The iteration that has begun, counted from 0, and how many there are.
    pub(crate) iteration: Option<(u64, u64)>,
    /// What the seat has taken so far.
    pub(crate) figures: Figures,
}

impl Mark {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let (number, of) = self.iteration.unwrap_or((0, 0));
        let Figures { rounds, sent_bytes } = self.figures;
        [self.node, number, of, rounds, sent_bytes].iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    /// `None` if the length is wrong.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.as_chunks::<8>();
        let fields: Vec<u64> = fields.iter().map(|field| u64::from_le_bytes(*field)).collect();
        let [node, number, of, rounds, sent_bytes] = <[u64; 5]>::try_from(fields).ok()?;
        let iteration = (of > 0).then_some((number, of));
        rest.is_empty().then_some(Mark { node, iteration, figures: Figures { rounds, sent_bytes } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_nodes_are_read_back_and_have_one_length() {
        let nodes = [Figures::default(), Figures { rounds: 7, sent_bytes: u64::MAX }];
        let text = nodes_to_text(&nodes);
        assert_eq!((text.len(), &nodes_from_text(&text)[..]), (64, &nodes[..]));
        assert_eq!(nodes_from_text(&text[..48]), nodes[..1]);
        assert!(nodes_from_text("é").is_empty());
    }

    #[test]
    fn marks_are_read_back_and_have_one_length() {
        let figures = Figures { rounds: 7, sent_bytes: u64::MAX };
        for iteration in [None, Some((3, 120))] {
            let mark = Mark { node: 2, iteration, figures };
            let bytes = mark.to_bytes();
            assert_eq!((bytes.len(), Mark::from_bytes(&bytes)), (40, Some(mark)));
            assert_eq!(Mark::from_bytes(&bytes[1..]), None);
        }
    }
}
