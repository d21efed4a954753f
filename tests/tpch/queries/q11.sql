-- The specification's, with `ps_partkey` as a second key of the order, which decides between equal values, and the fraction of
-- scale 1 at every scale (it is 0.0001 divided by the scale).
SELECT ps.ps_partkey, SUM(ps.ps_supplycost * ps.ps_availqty) AS value
FROM purchasing.partsupp ps, purchasing.supplier s, purchasing.nation n
WHERE ps.ps_suppkey = s.s_suppkey AND s.s_nationkey = n.n_nationkey AND n.n_name = 'GERMANY'
GROUP BY ps.ps_partkey
HAVING SUM(ps.ps_supplycost * ps.ps_availqty) > (
  SELECT SUM(ps2.ps_supplycost * ps2.ps_availqty) * 0.0001
  FROM purchasing.partsupp ps2, purchasing.supplier s2, purchasing.nation n2
  WHERE ps2.ps_suppkey = s2.s_suppkey AND s2.s_nationkey = n2.n_nationkey AND n2.n_name = 'GERMANY')
ORDER BY value DESC, ps_partkey
