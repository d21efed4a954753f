"""Clients of PostgreSQL against `serve-pg`: psycopg, pg8000, and SQLAlchemy over both."""

import decimal
import tempfile
import unittest

import pg8000.dbapi
import psycopg
import sqlalchemy

from conjoin import Server, run

COUNT = "SELECT COUNT(*) AS n FROM cohort"


class Postgres(unittest.TestCase):
    """One server for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory()
        run("demo", "--rows", "1000", "--dir", f"{cls.root.name}/study", "-e", "SELECT 1")
        listen = ["--listen", "127.0.0.1:0"]
        cls.server = Server("serve-pg", "--local", f"{cls.root.name}/study", *listen, says=r"postgres\w*://(\S+)")
        cls.host, cls.port = cls.server.address.split(":")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() < 5
        cls.root.cleanup()

    def engines(self):
        """An engine over each driver."""
        for driver in ["psycopg", "pg8000"]:
            engine = sqlalchemy.create_engine(f"postgresql+{driver}://me:x@{self.host}:{self.port}/study")
            with self.subTest(driver):
                yield engine
            engine.dispose()

    def test_drivers_ask_with_and_without_values(self):
        with psycopg.connect(f"host={self.host} port={self.port} user=me dbname=study") as connection:
            [(count,)] = connection.execute(COUNT).fetchall()
            sql = "SELECT COUNT(*) AS n, SUM(cost) AS cost FROM cohort WHERE age > %s AND smoking = %s"
            [(old, cost)] = connection.execute(sql, (60, "never")).fetchall()
            self.assertLess(old, count)
            self.assertIsInstance(cost, decimal.Decimal)
            with self.assertRaises(psycopg.errors.InsufficientPrivilege) as caught:
                connection.execute("SELECT * FROM hospital.lifestyle LIMIT 10")
            self.assertIn("only aggregates leave the federation", str(caught.exception))
        connection = pg8000.dbapi.connect(user="me", host=self.host, port=int(self.port), database="study")
        cursor = connection.cursor()
        cursor.execute(sql, (60, "never"))
        self.assertEqual(cursor.fetchall(), ([old, cost],))
        connection.close()

    def test_sqlalchemy_asks(self):
        for engine in self.engines():
            with engine.connect() as connection:
                count = connection.execute(sqlalchemy.text(COUNT)).scalar_one()
                sql = sqlalchemy.text("SELECT COUNT(*) AS n FROM cohort WHERE age > :age")
                self.assertLess(connection.execute(sql, {"age": 60}).scalar_one(), count)

    def test_sqlalchemy_inspects(self):
        for engine in self.engines():
            inspector = sqlalchemy.inspect(engine)
            self.assertLessEqual({"hospital", "insurer", "virtual"}, set(inspector.get_schema_names()))
            self.assertEqual(inspector.get_table_names(schema="hospital"), ["lifestyle"])
            self.assertEqual(inspector.get_view_names(schema="virtual"), ["cohort"])
            columns = {column["name"]: column["type"] for column in inspector.get_columns("claims", schema="insurer")}
            self.assertIsInstance(columns["cost"], sqlalchemy.Numeric)
            self.assertEqual((columns["cost"].precision, columns["cost"].scale), (10, 2))
            self.assertIsInstance(columns["days"], sqlalchemy.BigInteger)
            self.assertEqual(inspector.get_pk_constraint("claims", schema="insurer")["constrained_columns"], [])
            self.assertEqual(inspector.get_foreign_keys("claims", schema="insurer"), [])
            self.assertEqual(inspector.get_indexes("claims", schema="insurer"), [])

    def test_sqlalchemy_writes_sql_over_reflected_tables(self):
        for engine in self.engines():
            tables = sqlalchemy.MetaData()
            claims = sqlalchemy.Table("claims", tables, schema="insurer", autoload_with=engine)
            number = sqlalchemy.func.count().label("n")
            sql = sqlalchemy.select(claims.c.region, number).where(claims.c.days > 3).group_by(claims.c.region)
            with engine.connect() as connection:
                regions = [row.region for row in connection.execute(sql.order_by(claims.c.region))]
            self.assertEqual([region for region in regions if region], ["east", "north", "south", "west"])


if __name__ == "__main__":
    unittest.main()
