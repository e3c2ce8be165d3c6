//! Between columns and values: every conversion checked, and named when it fails.

use crate::backend::StoreResult;
use crate::error::StoreError;
use hanzo_attestation_evidence::{Hex, MachineId, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Row, Sqlite, Type};

/// An unsigned number as SQLite stores it.
pub(super) fn signed(table: &'static str, value: u64) -> StoreResult<i64> {
    i64::try_from(value).map_err(|_| malformed(table, format_args!("{value} is too large")))
}

/// Reads the columns of one table's row.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a SqliteRow,
}

impl<'a> Columns<'a> {
    pub(super) fn get<T>(self, column: &'static str) -> StoreResult<T>
    where
        T: Decode<'a, Sqlite> + Type<Sqlite>,
        &'static str: ColumnIndex<SqliteRow>,
    {
        self.row.try_get(column).map_err(|error| malformed(self.table, error))
    }

    pub(super) fn unsigned(self, column: &'static str) -> StoreResult<u64> {
        let value: i64 = self.get(column)?;
        u64::try_from(value).map_err(|_| malformed(self.table, format_args!("{column} is {value}")))
    }

    pub(super) fn tier(self, column: &'static str) -> StoreResult<u8> {
        let value: i64 = self.get(column)?;
        u8::try_from(value).map_err(|_| malformed(self.table, format_args!("{column} is {value}")))
    }

    pub(super) fn time(self, column: &'static str) -> StoreResult<UnixTime> {
        let value: i64 = self.get(column)?;
        UnixTime::from_seconds(value).map_err(|_| malformed(self.table, format_args!("{column} is {value}")))
    }

    pub(super) fn optional_time(self, column: &'static str) -> StoreResult<Option<UnixTime>> {
        let value: Option<i64> = self.get(column)?;
        value
            .map(UnixTime::from_seconds)
            .transpose()
            .map_err(|_| malformed(self.table, format_args!("{column} is no time")))
    }

    pub(super) fn bytes<const N: usize>(self, column: &'static str) -> StoreResult<[u8; N]> {
        let value: Vec<u8> = self.get(column)?;
        let length = value.len();
        value
            .try_into()
            .map_err(|_| malformed(self.table, format_args!("{column} has {length} bytes, not {N}")))
    }

    pub(super) fn machine(self, column: &'static str) -> StoreResult<Option<MachineId>> {
        let value: Option<String> = self.get(column)?;
        let machine = value.map(|text| text.parse()).transpose();
        machine.map_err(|error| malformed(self.table, error))
    }

    pub(super) fn hex(self, column: &'static str) -> StoreResult<Hex<32>> {
        self.bytes(column).map(Hex)
    }
}

pub(super) fn malformed(table: &'static str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Malformed { table, reason: reason.to_string() }
}
