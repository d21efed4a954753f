-- Changed: the original lists rows of customers (name, address, phone, comment). Here: by nation instead of by customer.
SELECT n.n_name, SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue, COUNT(*) AS items
FROM sales.customer c JOIN sales.orders o ON c.c_custkey = o.o_custkey
JOIN sales.nation n ON c.c_nationkey = n.n_nationkey
JOIN logistics.lineitem l ON l.l_orderkey = o.o_orderkey
WHERE o.o_orderdate >= DATE '1993-10-01' AND o.o_orderdate < DATE '1994-01-01' AND l.l_returnflag = 'R'
GROUP BY n.n_name
ORDER BY revenue DESC LIMIT 20
