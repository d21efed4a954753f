//! What the server can do and which types it has, as Flight SQL asks for it.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedGroupBy,
    SqlSupportedTransaction, SqlSupportedUnions, SupportedSqlGrammar, XdbcDataType,
};

/// The schema of `GetSqlInfo`.
pub(super) fn sql_schema() -> SchemaRef {
    // An empty list cannot fail; its schema is that of every list.
    SqlInfoDataBuilder::new()
        .build()
        .map_or_else(|_| SchemaRef::new(SqlInfoDataBuilder::schema().clone()), |info| info.schema())
}

/// The rows of `GetSqlInfo`.
pub(super) fn sql(version: &str) -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info, version);
    names(&mut info);
    language(&mut info);
    info.build()
}

fn server(info: &mut SqlInfoDataBuilder, version: &str) {
    info.append(SqlInfo::FlightSqlServerName, "conjoin");
    info.append(SqlInfo::FlightSqlServerVersion, version);
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
}

fn names(info: &mut SqlInfoDataBuilder) {
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, false);
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    // Rows of tables are not shown to anybody; aggregates over all of them are.
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedAtEnd as i32);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSchemaTerm, "party");
    info.append(SqlInfo::SqlCatalogTerm, "federation");
    info.append(SqlInfo::SqlProcedureTerm, "");
    info.append(SqlInfo::SqlCatalogAtStart, 1_i32);
}

fn language(info: &mut SqlInfoDataBuilder) {
    info.append(SqlInfo::SqlKeywords, &["HASHED", "VIRTUAL", "DISCLOSURE"][..]);
    info.append(
        SqlInfo::SqlNumericFunctions,
        &["ABS", "CEIL", "EXP", "FLOOR", "LN", "POWER", "ROUND", "SQRT"][..],
    );
    info.append(SqlInfo::SqlStringFunctions, &["HASHED", "LENGTH", "LOWER", "SUBSTR", "TRIM", "UPPER"][..]);
    info.append(SqlInfo::SqlSystemFunctions, &["VERSION"][..]);
    info.append(SqlInfo::SqlDatetimeFunctions, &["CURRENT_DATE", "DATE_PART", "DATE_TRUNC", "NOW"][..]);
    info.append(SqlInfo::SqlSupportsColumnAliasing, true);
    info.append(SqlInfo::SqlNullPlusNullIsNull, true);
    info.append(SqlInfo::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
    info.append(SqlInfo::SqlSupportsTableCorrelationNames, true);
    info.append(SqlInfo::SqlSupportsDifferentTableCorrelationNames, false);
    info.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    info.append(SqlInfo::SqlSupportsOrderByUnrelated, false);
    info.append(SqlInfo::SqlSupportedGroupBy, bit(SqlSupportedGroupBy::SqlGroupByUnrelated as i32));
    info.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    info.append(SqlInfo::SqlSupportsNonNullableColumns, true);
    info.append(SqlInfo::SqlSupportedGrammar, bit(SupportedSqlGrammar::SqlCoreGrammar as i32));
    info.append(SqlInfo::SqlSupportedUnions, bit(SqlSupportedUnions::SqlUnionAll as i32));
    info.append(SqlInfo::SqlSelectForUpdateSupported, false);
    info.append(SqlInfo::SqlStoredProceduresSupported, false);
    info.append(SqlInfo::SqlCorrelatedSubqueriesSupported, false);
}

/// A set with one member, as the protocol writes sets.
const fn bit(member: i32) -> i32 {
    1 << member
}

/// The types of columns and results.
pub(super) fn types() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    let number = |name, data_type, digits, radix| XdbcTypeInfo {
        column_size: Some(digits),
        num_prec_radix: Some(radix),
        unsigned_attribute: Some(false),
        ..described(name, data_type)
    };
    let quoted = |name, data_type, prefix: &str, size| XdbcTypeInfo {
        column_size: size,
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        ..described(name, data_type)
    };
    types.append(described("BOOLEAN", XdbcDataType::XdbcBit));
    types.append(number("SMALLINT", XdbcDataType::XdbcSmallint, 5, 10));
    types.append(number("INTEGER", XdbcDataType::XdbcInteger, 10, 10));
    types.append(number("BIGINT", XdbcDataType::XdbcBigint, 19, 10));
    types.append(XdbcTypeInfo {
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        ..number("DECIMAL", XdbcDataType::XdbcDecimal, 38, 10)
    });
    types.append(number("REAL", XdbcDataType::XdbcReal, 24, 2));
    types.append(number("DOUBLE", XdbcDataType::XdbcDouble, 53, 2));
    types.append(quoted("DATE", XdbcDataType::XdbcDate, "DATE '", Some(10)));
    types.append(quoted("TIMESTAMP", XdbcDataType::XdbcTimestamp, "TIMESTAMP '", Some(26)));
    types.append(XdbcTypeInfo {
        case_sensitive: true,
        ..quoted("TEXT", XdbcDataType::XdbcVarchar, "'", None)
    });
    types.build()
}

fn described(name: &str, data_type: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;

    use super::*;

    #[test]
    fn the_schema_does_not_depend_on_the_rows() {
        assert_eq!(sql_schema(), sql("1.0").unwrap().schema());
    }

    #[test]
    fn types_are_the_policys() {
        let rows = types().unwrap().record_batch(None).unwrap();
        let mut names: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "BIGINT",
                "BOOLEAN",
                "DATE",
                "DECIMAL",
                "DOUBLE",
                "INTEGER",
                "REAL",
                "SMALLINT",
                "TEXT",
                "TIMESTAMP"
            ]
        );
        let one = types().unwrap().record_batch(XdbcDataType::XdbcDate as i32).unwrap();
        assert_eq!(one.num_rows(), 1);
    }
}
