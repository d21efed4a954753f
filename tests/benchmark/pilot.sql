-- The shape of a pilot of two hospitals, on the trial of tests/federations/trial. See README.md.
SELECT * FROM MEDIAN_SURVIVAL(stacked, time => 'months', event => 'died', by => 'arm');
SELECT * FROM SURVIVAL_AT(stacked, time => 'months', event => 'died', times => '24', by => 'arm');
SELECT * FROM CROSSTAB(stacked, row => 'arm', column => 'response');
SELECT * FROM CROSSTAB(stacked, row => 'arm', column => 'toxicity');
