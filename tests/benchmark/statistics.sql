-- Statistics over the join of two owners, one statement each: times of whole queries. See README.md.
SELECT * FROM LASSO(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', alpha => 0.1);
SELECT * FROM LASSO_PATH(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', alphas => '3,1,0.3,0.1,0.03,0.01');
SELECT * FROM LASSO(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', alpha => 'cv', alphas => '3,1,0.3,0.1,0.03,0.01');
SELECT * FROM ELASTIC_NET(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', alpha => 0.1);
SELECT * FROM RIDGE(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', alpha => 10);
SELECT * FROM LINEAR_REGRESSION(cohort, target => 'days', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits');
SELECT * FROM LOGISTIC_REGRESSION(cohort, target => 'kidney', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits');
SELECT * FROM LOGISTIC_REGRESSION(cohort, target => 'kidney', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits', penalty => 'l1', alpha => 100);
SELECT * FROM POISSON_REGRESSION(cohort, target => 'gp_visits', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,days');
SELECT * FROM KAPLAN_MEIER(cohort, time => 'months', event => 'died', by => 'smoking');
SELECT * FROM LOGRANK(cohort, time => 'months', event => 'died', by => 'smoking');
SELECT * FROM T_TEST(cohort, value => 'days', by => 'sex');
SELECT * FROM COX(cohort, time => 'months', event => 'died', features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,gp_visits');
