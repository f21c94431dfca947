//! Numbers and texts as bytes.

/// Bytes that no version of the service has written: an object is damaged or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not what the index stores")]
pub struct Invalid;

/// Appends `number` in as few bytes as it needs (LEB128).
pub(crate) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Appends `bytes` behind their number.
pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a>(pub(crate) &'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Invalid> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Invalid)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        self.take(N)?.try_into().map_err(|_| Invalid)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Invalid> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Invalid> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Invalid)
    }

    pub(crate) fn size(&mut self) -> Result<usize, Invalid> {
        usize::try_from(self.number()?).map_err(|_| Invalid)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Invalid> {
        let count = self.size()?;
        self.take(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_bytes_are_read_past_the_end(
            number: u64, text: String, garbage: Vec<u8>
        ) {
            let mut out = Vec::new();
            put_number(number, &mut out);
            put_bytes(text.as_bytes(), &mut out);
            let mut source = Source(&out);
            prop_assert_eq!(source.number(), Ok(number));
            prop_assert_eq!(source.bytes(), Ok(text.as_bytes()));
            prop_assert!(source.is_empty());
            let mut source = Source(&garbage);
            while source.number().is_ok() && source.bytes().is_ok() {}
        }
    }
}
