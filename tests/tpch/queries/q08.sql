-- The specification's, with each equality of its WHERE as the ON of a JOIN. The nation and region of the customer are read at
-- sales.
SELECT o_year, SUM(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / SUM(volume) AS mkt_share
FROM (
  SELECT EXTRACT(YEAR FROM o.o_orderdate) AS o_year, l.l_extendedprice * (1 - l.l_discount) AS volume, n2.n_name AS nation
  FROM purchasing.part p JOIN logistics.lineitem l ON p.p_partkey = l.l_partkey
  JOIN purchasing.supplier s ON s.s_suppkey = l.l_suppkey
  JOIN purchasing.nation n2 ON s.s_nationkey = n2.n_nationkey
  JOIN sales.orders o ON l.l_orderkey = o.o_orderkey
  JOIN sales.customer c ON o.o_custkey = c.c_custkey
  JOIN sales.nation n1 ON c.c_nationkey = n1.n_nationkey
  JOIN sales.region r ON n1.n_regionkey = r.r_regionkey
  WHERE r.r_name = 'AMERICA' AND o.o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
    AND p.p_type = 'ECONOMY ANODIZED STEEL'
) AS all_nations
GROUP BY o_year
ORDER BY o_year
