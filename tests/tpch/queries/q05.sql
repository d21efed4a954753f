-- The specification's, with each equality of its WHERE as the ON of a JOIN, and DATE '1994-01-01' + INTERVAL '1' YEAR as the
-- date that it is.
SELECT n.n_name, SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue
FROM sales.customer c JOIN sales.orders o ON c.c_custkey = o.o_custkey
JOIN logistics.lineitem l ON l.l_orderkey = o.o_orderkey
JOIN purchasing.supplier s ON l.l_suppkey = s.s_suppkey AND c.c_nationkey = s.s_nationkey
JOIN purchasing.nation n ON s.s_nationkey = n.n_nationkey
JOIN purchasing.region r ON n.n_regionkey = r.r_regionkey
WHERE r.r_name = 'ASIA' AND o.o_orderdate >= DATE '1994-01-01' AND o.o_orderdate < DATE '1995-01-01'
GROUP BY n.n_name
ORDER BY revenue DESC
