-- Changed: the original outputs the row of the supplier whose revenue is the largest. Here the supplier's columns are GROUP BY
-- keys, which its owner allows, and the largest revenue is the first of an order.
SELECT s.s_suppkey, s.s_name, s.s_address, s.s_phone, SUM(l.l_extendedprice * (1 - l.l_discount)) AS total_revenue
FROM purchasing.supplier s JOIN logistics.lineitem l ON s.s_suppkey = l.l_suppkey
WHERE l.l_shipdate >= DATE '1996-01-01' AND l.l_shipdate < DATE '1996-01-01' + INTERVAL '3 months'
GROUP BY s.s_suppkey, s.s_name, s.s_address, s.s_phone
ORDER BY total_revenue DESC, s_suppkey LIMIT 1
