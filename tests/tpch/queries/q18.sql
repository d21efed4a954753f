-- Changed: the original names the customers (`c_name`, `c_custkey`), who are the persons of these tables. Here: their orders.
SELECT o.o_orderkey, o.o_orderdate, o.o_totalprice, SUM(l.l_quantity) AS quantity
FROM sales.customer c, sales.orders o, logistics.lineitem l
WHERE o.o_orderkey IN (SELECT l_orderkey FROM logistics.lineitem GROUP BY l_orderkey HAVING SUM(l_quantity) > 300)
  AND c.c_custkey = o.o_custkey AND o.o_orderkey = l.l_orderkey
GROUP BY o.o_orderkey, o.o_orderdate, o.o_totalprice
ORDER BY o_totalprice DESC, o_orderdate, o_orderkey LIMIT 100
