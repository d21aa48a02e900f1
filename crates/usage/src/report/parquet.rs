//! Reports as Parquet, for programs that read many of them.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::rows::Report;
use super::write::{Cell, Columns};

/// The report as a Parquet file, with the columns of CSV.
pub fn parquet(
    report: &Report,
    list: Option<&Report>,
    credits: Option<f64>,
) -> Result<Vec<u8>, ParquetError> {
    let Columns { names, rows } = Columns::of(report, list, credits);
    let keys = report.by.len();
    let fields = names.iter().enumerate().map(|(place, name)| {
        let is_amount = name.ends_with("_usd") || name.ends_with("_credits");
        field(name, if place < keys { PhysicalType::BYTE_ARRAY } else { number(is_amount) })
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("report").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for column in 0..names.len() {
        let cells = rows.iter().map(|row| &row[column]);
        if column < keys {
            write::<ByteArrayType>(&mut group, cells.map(text))?;
        } else if names[column].ends_with("_usd") || names[column].ends_with("_credits") {
            write::<DoubleType>(&mut group, cells.map(amount))?;
        } else {
            write::<Int64Type>(&mut group, cells.map(count))?;
        }
    }
    group.close()?;
    file.into_inner()
}

fn number(is_amount: bool) -> PhysicalType {
    if is_amount { PhysicalType::DOUBLE } else { PhysicalType::INT64 }
}

fn field(name: &str, kind: PhysicalType) -> Result<Arc<Type>, ParquetError> {
    let text = (kind == PhysicalType::BYTE_ARRAY).then_some(LogicalType::String);
    let field = Type::primitive_type_builder(name, kind)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(text);
    Ok(Arc::new(field.build()?))
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Text(text) => Some(ByteArray::from(text.as_str())),
        Cell::Count(_) | Cell::Amount(_) => None,
    }
}

fn count(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Count(count) => *count,
        Cell::Text(_) | Cell::Amount(_) => None,
    }
}

fn amount(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Amount(amount) => *amount,
        Cell::Text(_) | Cell::Count(_) => None,
    }
}

/// Writes the next column: the values that are there, and where they are.
fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    let missing = || ParquetError::General("the schema has too few columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use trace_store::usage::{PicoUsd, Rate, Sums, TurnCounts};

    use super::super::{By, Days, Group, RangeRequest, Row, Unit};
    use super::*;

    fn row(model: &str, prices: Option<&str>, turns: Option<TurnCounts>) -> Row {
        let rate = Rate { prices: prices.map(str::to_owned), ..Rate::default() };
        let sums =
            Sums { calls: 2, input: 7, output: 3, cost: PicoUsd::from_usd(1.5), ..Sums::default() };
        let group = Group { rates: [(rate, sums)].into(), turns };
        Row { key: vec![model.to_owned()], group }
    }

    #[test]
    fn what_is_not_known_is_no_zero() {
        let days = Days::new(
            &RangeRequest::default(),
            Unit::Day,
            TimeZone::UTC,
            Weekday::Monday,
            Timestamp::UNIX_EPOCH,
        );
        let turns = Some(TurnCounts { turns: 1, ..TurnCounts::default() });
        let rows = vec![row("priced", Some("v1"), turns), row("unknown é", None, None)];
        let report =
            Report { by: vec![By::Model], days: days.unwrap(), rows, total: Group::default() };
        let file = parquet(&report, None, Some(25.0)).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let names: Vec<&String> = rows[0].get_column_iter().map(|(name, _)| name).collect();
        assert_eq!((names.len(), &**names[0], &**names[13]), (15, "model", "unpriced_calls"));
        let at = |name: &str| names.iter().position(|known| *known == name).unwrap();
        assert_eq!(rows[0].get_string(0).unwrap(), "priced");
        assert_eq!(rows[1].get_string(0).unwrap(), "unknown é");
        assert_eq!(rows[1].get_long(at("total_tokens")).unwrap(), 10);
        assert_eq!(rows[0].get_double(at("cost_usd")).unwrap(), 1.5);
        assert_eq!(rows[0].get_double(at("cost_credits")).unwrap(), 37.5);
        assert_eq!(rows[0].get_long(at("turns")).unwrap(), 1);
        for missing in ["turns", "cost_usd", "cost_credits"] {
            assert!(rows[1].get_column_iter().nth(at(missing)).unwrap().1.to_string() == "null");
        }
    }
}
