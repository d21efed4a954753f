-- The specification's, with each equality of its WHERE as the ON of a JOIN; of l_partkey = p_partkey = ps_partkey and l_suppkey =
-- s_suppkey = ps_suppkey, part and supplier are compared with partsupp, where the specification compares them with lineitem.
SELECT nation, o_year, SUM(amount) AS sum_profit
FROM (
  SELECT n.n_name AS nation, EXTRACT(YEAR FROM o.o_orderdate) AS o_year,
         l.l_extendedprice * (1 - l.l_discount) - ps.ps_supplycost * l.l_quantity AS amount
  FROM purchasing.partsupp ps JOIN purchasing.part p ON p.p_partkey = ps.ps_partkey
  JOIN purchasing.supplier s ON s.s_suppkey = ps.ps_suppkey
  JOIN purchasing.nation n ON s.s_nationkey = n.n_nationkey
  JOIN logistics.lineitem l ON ps.ps_suppkey = l.l_suppkey AND ps.ps_partkey = l.l_partkey
  JOIN sales.orders o ON o.o_orderkey = l.l_orderkey
  WHERE p.p_name LIKE '%green%'
) AS profit
GROUP BY nation, o_year
ORDER BY nation, o_year DESC
