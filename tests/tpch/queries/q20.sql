-- Changed: the original outputs rows of suppliers (`s_name`, `s_address`). Here: how many there are.
SELECT COUNT(*) AS suppliers
FROM purchasing.supplier s, purchasing.nation n
WHERE s.s_suppkey IN (
    SELECT ps.ps_suppkey FROM purchasing.partsupp ps
    WHERE ps.ps_partkey IN (SELECT p_partkey FROM purchasing.part WHERE p_name LIKE 'forest%')
      AND ps.ps_availqty > (
        SELECT 0.5 * SUM(l.l_quantity) FROM logistics.lineitem l
        WHERE l.l_partkey = ps.ps_partkey AND l.l_suppkey = ps.ps_suppkey
          AND l.l_shipdate >= DATE '1994-01-01' AND l.l_shipdate < DATE '1995-01-01'))
  AND s.s_nationkey = n.n_nationkey AND n.n_name = 'CANADA'
