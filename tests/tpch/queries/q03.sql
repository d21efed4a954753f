-- Unchanged, but for a tie-breaker in ORDER BY. A group is one order: `min_people` is 1 here, anything more withholds all.
SELECT l.l_orderkey, SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue, o.o_orderdate, o.o_shippriority
FROM sales.customer c JOIN sales.orders o ON c.c_custkey = o.o_custkey
JOIN logistics.lineitem l ON l.l_orderkey = o.o_orderkey
WHERE c.c_mktsegment = 'BUILDING' AND o.o_orderdate < DATE '1995-03-15' AND l.l_shipdate > DATE '1995-03-15'
GROUP BY l.l_orderkey, o.o_orderdate, o.o_shippriority
ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10
