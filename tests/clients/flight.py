"""Flight SQL through clients that others wrote: ADBC, pandas, polars, pyarrow."""

import contextlib
import datetime
import decimal
import io
import os
import re
import tempfile
import threading
import time
import unittest

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pandas
import polars
import pyarrow
import pyarrow.flight
from adbc_driver_flightsql import DatabaseOptions

from conjoin import Server, Study, run

COUNT = "SELECT COUNT(*) AS n FROM cohort"
# Hundreds of rounds between the parties.
LASSO = "SELECT * FROM LASSO(cohort, target => 'days', alpha => 0.0001)"


def one(cursor, sql, parameters=None):
    """The only value of a query."""
    cursor.execute(sql, parameters)
    rows = cursor.fetchall()
    assert len(rows) == 1 and len(rows[0]) == 1, rows
    return rows[0][0]


class Loopback(unittest.TestCase):
    """`demo --flight`: plaintext, without login."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("demo", "--rows", "1000", "--flight", "127.0.0.1:0", says=r"grpc://(\S+)")
        cls.uri = f"grpc://{cls.server.address}"

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() < 5

    def connect(self):
        connection = flightsql.connect(self.uri, autocommit=True)
        self.addCleanup(connection.close)
        return connection

    def test_a_query_becomes_a_data_frame(self):
        sql = """SELECT h.smoking, COUNT(*) AS patients, AVG(c.days) AS days, SUM(c.cost) AS cost
                 FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)
                 GROUP BY h.smoking ORDER BY h.smoking"""
        with self.connect().cursor() as cursor:
            cursor.execute(sql)
            frame = cursor.fetch_df()
            self.assertEqual(list(frame.columns), ["smoking", "patients", "days", "cost"])
            self.assertEqual(list(frame["smoking"].dropna()), ["current", "former", "never"])
            self.assertEqual(frame["patients"].sum(), one(cursor, COUNT))
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
            self.assertEqual(table.schema.field("patients").type, pyarrow.int64())
            self.assertTrue(pyarrow.types.is_decimal(table.schema.field("cost").type))
            self.assertEqual(table.schema.field("cost").metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"][:8], b"DECIMAL(")

    def test_pandas_and_polars_read_sql(self):
        sql = "SELECT region, COUNT(*) AS n, AVG(cost) AS cost FROM insurer.claims GROUP BY region"
        connection = self.connect()
        frame = pandas.read_sql(sql, connection)
        other = polars.read_database(sql, connection)
        self.assertEqual(list(frame["region"].dropna()), other["region"].drop_nulls().to_list())
        self.assertEqual(list(frame["n"]), other["n"].to_list())
        self.assertGreater(other["n"].sum(), 900)

    def test_values_of_parameters(self):
        with self.connect().cursor() as cursor:
            old = one(cursor, "SELECT COUNT(*) AS n FROM cohort WHERE age > $1", (60,))
            young = one(cursor, "SELECT COUNT(*) AS n FROM cohort WHERE age <= ?", (60,))
            self.assertEqual(old + young, one(cursor, "SELECT COUNT(age) AS n FROM cohort"))
            self.assertEqual(one(cursor, "SELECT $1 AS text", ("it's; --",)), "it's; --")
            self.assertEqual(one(cursor, "SELECT CAST($1 AS DOUBLE) AS x", (0.1,)), 0.1)
            day = datetime.date(2026, 1, 31)
            self.assertEqual(one(cursor, "SELECT CAST($1 AS DATE) AS d", (day,)), day)
            cost = decimal.Decimal("12.50")
            self.assertEqual(one(cursor, "SELECT CAST($1 AS DECIMAL(10,2)) AS c", (cost,)), cost)
            self.assertIsNone(one(cursor, "SELECT CAST($1 AS BIGINT) AS c", (None,)))

    def test_a_statement_runs_for_every_row_of_values(self):
        sql = "SELECT COUNT(*) AS n FROM cohort WHERE age > $1"
        with self.connect().cursor() as cursor:
            each = [one(cursor, sql, (age,)) for age in (40, 60, 80)]
            cursor.execute(sql, pyarrow.record_batch({"1": [40, 60, 80]}))
            self.assertEqual([row[0] for row in cursor.fetchall()], each)
            with self.assertRaises(adbc_driver_manager.Error) as caught:
                cursor.execute(sql, pyarrow.record_batch({"1": [40] * 101}))
            self.assertIn("resource: 101 rows of parameters", str(caught.exception))

    def test_names_with_catalog_and_schema(self):
        with self.connect().cursor() as cursor:
            catalog = self.connect().adbc_get_objects(depth="catalogs").read_all().to_pylist()[0]["catalog_name"]
            count = one(cursor, COUNT)
            for name in [f'"{catalog}"."virtual"."cohort"', "virtual.cohort"]:
                self.assertEqual(one(cursor, f"SELECT COUNT(*) AS n FROM {name}"), count)
            table = f'"{catalog}"."insurer"."claims"'
            self.assertGreater(one(cursor, f'SELECT SUM({table}."days") AS days FROM {table}'), 0)

    def test_a_session_has_virtual_tables_of_its_own(self):
        first, second = self.connect(), self.connect()
        with first.cursor() as cursor, second.cursor() as other:
            cursor.execute("CREATE VIRTUAL TABLE seniors AS SELECT * FROM cohort WHERE age > 65")
            self.assertEqual(cursor.fetchall(), [("CREATE VIRTUAL TABLE",)])
            self.assertEqual(cursor.executescript("CREATE OR REPLACE VIRTUAL TABLE s2 AS SELECT * FROM seniors"), None)
            seniors = one(cursor, "SELECT COUNT(*) AS n FROM seniors")
            self.assertEqual(seniors, one(cursor, "SELECT COUNT(*) AS n FROM s2"))
            self.assertLess(seniors, one(cursor, COUNT))
            with self.assertRaises(adbc_driver_manager.Error):
                other.execute("SELECT COUNT(*) AS n FROM seniors")
            schemas = first.adbc_get_objects(depth="tables").read_all().to_pylist()[0]["catalog_db_schemas"]
            names = {table["table_name"] for schema in schemas for table in schema["db_schema_tables"]}
            self.assertLessEqual({"lifestyle", "claims", "cohort", "seniors"}, names)

    def test_the_catalog(self):
        connection = self.connect()
        info = connection.adbc_get_info()
        self.assertEqual(info["vendor_name"], "conjoin")
        self.assertEqual(sorted(connection.adbc_get_table_types()), ["TABLE", "VIEW"])
        objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
        schemas = {schema["db_schema_name"]: schema for schema in objects[0]["catalog_db_schemas"]}
        self.assertEqual(set(schemas), {"hospital", "insurer", "virtual"})
        [claims] = schemas["insurer"]["db_schema_tables"]
        columns = {column["column_name"]: column for column in claims["table_columns"]}
        self.assertIn("cost", columns)
        catalog = objects[0]["catalog_name"]
        schema = connection.adbc_get_table_schema("claims", catalog_filter=catalog, db_schema_filter="insurer")
        self.assertIn("days", schema.names)

    def test_questions_for_columns_alone_run_nothing(self):
        with self.connect().cursor() as cursor:
            for sql in ["SELECT * FROM hospital.lifestyle LIMIT 0", "SELECT * FROM hospital.lifestyle WHERE 1=0"]:
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
                self.assertEqual(table.num_rows, 0)
                self.assertIn("age", table.schema.names)
            self.assertEqual(one(cursor, "SELECT 1 AS one"), 1)
            schema = cursor.adbc_execute_schema(LASSO)
            self.assertEqual(schema.names, ["term", "coefficient"])

    def test_errors_have_classes_places_and_hints(self):
        cases = [
            ("SELECT * FROM hospital.lifestyle LIMIT 10", adbc_driver_manager.AdbcStatusCode.UNAUTHORIZED,
             "refused: only aggregates leave the federation"),
            ("SELECT nope FROM cohort", adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT, "(line 1, column 8)"),
            ("SELEKT 1", adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT, "invalid: syntax error"),
            ("COPY (SELECT 1) TO '/tmp/x.csv'", adbc_driver_manager.AdbcStatusCode.UNAUTHORIZED, "fetch the query's rows"),
        ]
        for sql, code, says in cases:
            with self.subTest(sql), self.connect().cursor() as cursor:
                with self.assertRaises(adbc_driver_manager.Error) as caught:
                    cursor.execute(sql)
                self.assertEqual(caught.exception.status_code, code, caught.exception)
                self.assertIn(says, str(caught.exception))
                self.assertEqual(one(cursor, "SELECT 1 AS one"), 1)

    def test_a_query_can_be_cancelled(self):
        connection = self.connect()
        with connection.cursor() as cursor:
            timer = threading.Timer(0.05, cursor.adbc_cancel)
            timer.start()
            with self.assertRaises((adbc_driver_manager.Error, pyarrow.ArrowCancelled, pyarrow.ArrowInvalid, OSError)):
                for _ in range(100):
                    cursor.execute(LASSO)
                    cursor.fetchall()
            timer.join()
        with self.connect().cursor() as cursor:
            self.assertGreater(one(cursor, COUNT), 0)

    def test_the_readme_is_right(self):
        readme = os.path.join(os.path.dirname(__file__), "../../README.md")
        with open(readme, encoding="utf-8") as file:
            blocks = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
        self.assertEqual(len(blocks), 1)
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(blocks[0].replace("grpc://127.0.0.1:8815", self.uri), {})  # pylint: disable=exec-used
        self.assertIn("smoking", shown.getvalue())
        self.assertRegex(shown.getvalue(), r"\(\d+,\)")

    def test_pyarrows_own_client(self):
        client = pyarrow.flight.connect(self.uri)
        self.addCleanup(client.close)
        actions = {action.type for action in client.list_actions()}
        self.assertLessEqual({"CancelFlightInfo", "SetSessionOptions", "CloseSession"}, actions)
        junk = pyarrow.flight.FlightDescriptor.for_command(b"junk")
        with self.assertRaises(pyarrow.ArrowInvalid):
            client.get_flight_info(junk)

    def test_many_queries_of_many_connections(self):
        """None is lost, none gets another's answer, and the memory comes back."""
        with self.connect().cursor() as cursor:
            expected = {age: one(cursor, f"SELECT COUNT(*) AS n FROM cohort WHERE age > {age}") for age in range(30, 60)}
        before = self.memory()
        faults, answers = [], []

        def ask(number):
            with flightsql.connect(self.uri, autocommit=True) as connection, connection.cursor() as cursor:
                for query in range(13):
                    age = 30 + (7 * number + query) % 30
                    found = one(cursor, f"SELECT COUNT(*) AS n FROM cohort WHERE age > {age}")
                    answers.append(age)
                    if found != expected[age]:
                        faults.append((age, found))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(len(answers), 16 * 13)
        # What sixteen connections have taken is free again: the bound is that of one busy connection.
        self.assertLess(self.memory() - before, 64 << 20)

    def memory(self):
        time.sleep(1)
        return self.server.memory()


class BrokenData(unittest.TestCase):
    """An owner's data that break its policy."""

    def test_it_is_an_error_of_the_source(self):
        with tempfile.TemporaryDirectory() as root:
            run("demo", "--rows", "200", "--dir", f"{root}/study", "-e", "SELECT 1")
            data = f"{root}/study/parties/insurer/data"
            for name in os.listdir(data):
                os.remove(f"{data}/{name}")
            with open(f"{data}/claims.csv", "w", encoding="utf-8") as file:
                file.write("patient_id,days\nA,1\n")
            server = Server("flight", "--local", f"{root}/study", "--listen", "127.0.0.1:0", says=r"grpc://(\S+)")
            try:
                with flightsql.connect(f"grpc://{server.address}", autocommit=True) as connection:
                    with connection.cursor() as cursor, self.assertRaises(adbc_driver_manager.Error) as caught:
                        cursor.execute(COUNT)
                        cursor.fetchall()
                self.assertIn("source: ", str(caught.exception))
            finally:
                server.stop()


class Gateway(unittest.TestCase):
    """`flight --config`: parties of their own, TLS, a login for every user."""

    @classmethod
    def setUpClass(cls):
        cls.study = Study()

    @classmethod
    def tearDownClass(cls):
        cls.study.stop()

    def connect(self, user=None, password=None, **options):
        """A connection; without a user, one without login."""
        port = self.study.endpoint.address.rsplit(":", 1)[1]
        words = {DatabaseOptions.TLS_ROOT_CERTS.value: self.study.read("tls.pem"), **options}
        if user is not None:
            words["username"] = user
            words["password"] = self.study.USERS.get(user, "") if password is None else password
        connection = flightsql.connect(f"grpc+tls://localhost:{port}", db_kwargs=words, autocommit=True)
        self.addCleanup(connection.close)
        return connection

    def test_two_users_at_once(self):
        answers = {}

        def ask(user):
            with self.connect(user).cursor() as cursor:
                cursor.execute(f"CREATE VIRTUAL TABLE own AS SELECT * FROM cohort WHERE age > {40 if user == 'ann' else 60}")
                cursor.fetchall()
                answers[user] = [one(cursor, "SELECT COUNT(*) AS n FROM own") for _ in range(5)]

        threads = [threading.Thread(target=ask, args=(user,)) for user in self.study.USERS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([len(set(answers[user])) for user in ("ann", "bob")], [1, 1])
        self.assertGreater(answers["ann"][0], answers["bob"][0])

    def test_a_token_is_enough(self):
        location = f"grpc+tls://localhost:{self.study.endpoint.address.rsplit(':', 1)[1]}"
        client = pyarrow.flight.connect(location, tls_root_certs=self.study.read("tls.pem"))
        self.addCleanup(client.close)
        name, value = client.authenticate_basic_token("ann", self.study.USERS["ann"])
        self.assertEqual(name.lower(), b"authorization")
        header = {DatabaseOptions.AUTHORIZATION_HEADER.value: value.decode()}
        with self.connect(**header).cursor() as cursor:
            self.assertGreater(one(cursor, COUNT), 0)

    def test_wrong_logins_are_told_apart_from_nothing(self):
        for user, password in [("ann", "wrong"), ("eve", "b0b")]:
            with self.assertRaises(adbc_driver_manager.Error) as caught:
                with self.connect(user, password).cursor() as cursor:
                    cursor.execute("SELECT 1")
            self.assertIn("user name or password is wrong", str(caught.exception))
        with self.assertRaises(adbc_driver_manager.Error) as caught:
            with self.connect().cursor() as cursor:
                cursor.execute("SELECT 1")
        self.assertIn("a login is needed", str(caught.exception))

    def test_a_certificate_of_somebody_else_is_not_trusted(self):
        self.study.certificate(f"{self.study.root}/other")
        other = {DatabaseOptions.TLS_ROOT_CERTS.value: self.study.read("other.pem")}
        with self.assertRaises(adbc_driver_manager.Error):
            with self.connect("ann", **other).cursor() as cursor:
                cursor.execute("SELECT 1")

    def test_a_party_that_is_gone_is_an_error_of_the_network(self):
        self.study.servers["insurer"].stop()
        try:
            with self.connect("ann").cursor() as cursor:
                with self.assertRaises(adbc_driver_manager.Error) as caught:
                    cursor.execute(COUNT)
                    cursor.fetchall()
                self.assertIn("peer: party insurer is unreachable", str(caught.exception))
        finally:
            self.study.start("insurer")
        with self.connect("ann").cursor() as cursor:
            self.assertGreater(one(cursor, COUNT), 0)

    def test_limits_and_data_are_errors_of_their_own(self):
        with self.connect("bob").cursor() as cursor:
            cursor.execute("SET timeout = '1ms'")
            cursor.fetchall()
            with self.assertRaises(adbc_driver_manager.Error) as caught:
                cursor.execute(LASSO)
                cursor.fetchall()
            self.assertIn("resource: by the plan, the query needs about", str(caught.exception))
            self.assertIn("the limit is 0.001 s", str(caught.exception))

    def test_what_is_served_in_public_needs_tls_and_users(self):
        for text in ["", '[flight]\ntls_cert = "tls.pem"\ntls_key = "tls.key"\n']:
            config = self.study.read("analyst.toml").split("[flight]")[0] + text
            self.study.write("bare.toml", config)
            with self.assertRaises(AssertionError) as caught:
                run("flight", "--config", f"{self.study.root}/bare.toml", "--listen", "0.0.0.0:0")
            self.assertIn("exit code 2", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
