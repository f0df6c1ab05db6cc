module portcullis.test/oracle

go 1.19
