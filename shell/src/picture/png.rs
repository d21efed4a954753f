//! PNG files of 8-bit RGB pixels.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | signature |
//! | 4 + 4 + length + 4 | each chunk: length, name, content, CRC-32 of name and content; numbers big-endian |
//!
//! Chunks: `IHDR` (width, height, 8 bits, colour type 2, deflate, no interlace), `IDAT` (all rows, each after a 0 for "no
//! filter", compressed), `IEND`. [PNG specification](https://www.w3.org/TR/png-3/), sections 5 and 11.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use crate::error::{Failure, Result};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// The file of a picture; `pixels` are three bytes each, row after row.
pub(super) fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Failure::internal(format!("the picture cannot be packed: {error}"));
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in pixels.chunks(3 * width as usize) {
        packed.write_all(&[0]).and_then(|()| packed.write_all(row)).map_err(failed)?;
    }
    let packed = packed.finish().map_err(failed)?;
    let mut header = Vec::new();
    header.extend(number(width));
    header.extend(number(height));
    header.extend([8, 2, 0, 0, 0]);
    let mut file = SIGNATURE.to_vec();
    for (name, content) in [(b"IHDR", &header), (b"IDAT", &packed), (b"IEND", &Vec::new())] {
        let length =
            u32::try_from(content.len()).map_err(|_| Failure::internal("the picture is too large"))?;
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(content);
        file.extend(number(length));
        file.extend_from_slice(name);
        file.extend_from_slice(content);
        file.extend(number(crc.sum()));
    }
    Ok(file)
}

#[expect(clippy::big_endian_bytes, reason = "PNG's order")]
fn number(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn pixels_are_read_back() {
        let pixels: Vec<u8> = (0..2 * 3 * 3).collect();
        let file = encode(&pixels, 2, 3).unwrap();
        assert_eq!(file[..8], SIGNATURE);
        assert_eq!(file[16..24], [0, 0, 0, 2, 0, 0, 0, 3]);
        let at = file.windows(4).position(|window| window == b"IDAT").unwrap();
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&file[at + 4..]).read_to_end(&mut rows).unwrap();
        let read: Vec<u8> = rows.chunks(7).flat_map(|row| row[1..].to_vec()).collect();
        assert_eq!(read, pixels);
        // The well-known last chunk, with its check sum.
        assert_eq!(file[file.len() - 8..], [b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
    }
}
