//! Kubernetes quantities (`100m`, `1Gi`, `2`) as a count of thousandths.

use serde::{Deserialize, Deserializer, Serialize};
use std::iter::Sum;
use std::ops::{Add, Sub};

/// A quantity in thousandths of its unit: `100m` of CPU is 100, `1Ki` of memory is 1,024,000.
///
/// Arithmetic saturates, so that a hostile object cannot make a sum overflow.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Quantity(i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A quantity of `thousandths` of the unit.
    pub const fn from_millis(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// A whole number of units (bytes, cores, devices).
    pub const fn from_units(units: i64) -> Self {
        Self(units.saturating_mul(1000))
    }

    /// Reads the text form; `None` when it is not a quantity.
    pub fn parse(text: &str) -> Option<Self> {
        // Most quantities in a cluster are plain or milli numbers: no need for the full grammar.
        if let Some(millis) = text.strip_suffix('m')
            && let Ok(millis) = millis.parse::<i64>()
        {
            return Some(Self(millis));
        }
        if let Ok(units) = text.parse::<i64>() {
            return Some(Self::from_units(units));
        }
        // The library reads `--1` as one.
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return None;
        }
        let parsed = kube_quantity::ParsedQuantity::try_from(k8s_openapi::apimachinery::pkg::api::resource::Quantity(
            text.to_owned(),
        ))
        .ok()?;
        let units = parsed.to_bytes_f64()?;
        // `as` saturates, which is what a quantity beyond i64 should do.
        units.is_finite().then_some(Self((units * 1000.0).round() as i64))
    }

    /// Thousandths of the unit: millicores for CPU.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole units, rounded up as the scheduler does: bytes for memory.
    pub const fn units(self) -> i64 {
        let whole = self.0 / 1000;
        if self.0 % 1000 > 0 { whole + 1 } else { whole }
    }

    /// This as a share of `whole`, in per cent; `None` when `whole` is nothing.
    pub fn percent_of(self, whole: Self) -> Option<f64> {
        (whole.0 > 0).then(|| self.0 as f64 / whole.0 as f64 * 100.0)
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Add::add)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl serde::de::Visitor<'_> for Reader {
            type Value = Quantity;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a quantity such as 100m or 1Gi")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity::parse(text).unwrap_or_default())
            }
            fn visit_i64<E: serde::de::Error>(self, units: i64) -> Result<Quantity, E> {
                Ok(Quantity::from_units(units))
            }
            fn visit_u64<E: serde::de::Error>(self, units: u64) -> Result<Quantity, E> {
                Ok(Quantity::from_units(i64::try_from(units).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E: serde::de::Error>(self, units: f64) -> Result<Quantity, E> {
                Ok(Quantity((units * 1000.0).round() as i64))
            }
        }
        input.deserialize_any(Reader)
    }
}

/// Bytes in the largest binary unit that keeps them readable: `512Mi`, `1.5Gi`.
pub fn bytes(amount: Quantity) -> String {
    let mut value = amount.0 as f64 / 1000.0;
    let mut unit = "";
    for next in ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit.is_empty() || value >= 100.0 || (value - value.round()).abs() < 0.05 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

/// CPU as cores: `250m`, `1.5`, `16`.
pub fn cores(amount: Quantity) -> String {
    if amount.0.abs() < 1000 {
        format!("{}m", amount.0)
    } else if amount.0 % 1000 == 0 {
        (amount.0 / 1000).to_string()
    } else {
        format!("{:.1}", amount.0 as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_follow_kubernetes() {
        for (text, millis) in [
            ("100m", 100),
            ("2", 2000),
            ("0.5", 500),
            ("1Ki", 1_024_000),
            ("1Gi", 1_073_741_824_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1k", 1_000_000),
            ("1e3", 1_000_000),
            ("0", 0),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity::from_millis(millis)), "{text}");
        }
        for text in ["", "abc", "1Zi", "--1"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_print_short() {
        assert_eq!(bytes(Quantity::from_units(0)), "0");
        assert_eq!(bytes(Quantity::from_units(512 << 20)), "512Mi");
        assert_eq!(bytes(Quantity::from_units(3 << 29)), "1.5Gi");
        assert_eq!(cores(Quantity::from_millis(250)), "250m");
        assert_eq!(cores(Quantity::from_millis(1500)), "1.5");
        assert_eq!(cores(Quantity::from_units(16)), "16");
    }
}
