-- Changed: the original lists rows of suppliers (names, addresses, comments). Here: how many suppliers of a region offer a
-- part at its lowest price there, and their mean balance.
SELECT n.n_name, COUNT(*) AS offers, AVG(s.s_acctbal) AS balance
FROM purchasing.part p
JOIN purchasing.partsupp ps ON p.p_partkey = ps.ps_partkey
JOIN purchasing.supplier s ON s.s_suppkey = ps.ps_suppkey
JOIN purchasing.nation n ON s.s_nationkey = n.n_nationkey
JOIN purchasing.region r ON n.n_regionkey = r.r_regionkey
WHERE p.p_size <= 15 AND p.p_type LIKE '%BRASS' AND r.r_name = 'EUROPE'
  AND ps.ps_supplycost = (
    SELECT MIN(ps2.ps_supplycost) FROM purchasing.partsupp ps2
    JOIN purchasing.supplier s2 ON s2.s_suppkey = ps2.ps_suppkey
    JOIN purchasing.nation n2 ON s2.s_nationkey = n2.n_nationkey
    JOIN purchasing.region r2 ON n2.n_regionkey = r2.r_regionkey
    WHERE ps2.ps_partkey = p.p_partkey AND r2.r_name = 'EUROPE')
GROUP BY n.n_name
ORDER BY n.n_name
